import Crypto
import Glibc
package import MillraceHandler

/// `examples.checksum`: the message names a file; publishes its SHA-256.
///
/// Waits between chunks, so that a big file does not keep the worker's thread from other things.
package struct ChecksumHandler: JobHandler {
    private let root: String
    private let exchange: String
    private let routingKey: String
    private static let chunkBytes = 64 * 1024

    package init(_ options: HandlerOptions) throws {
        self.root = try options.string("root", default: ".")
        self.exchange = try options.string("exchange", default: "")
        self.routingKey = try options.string("routing_key")
    }

    package func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        guard let name = message.bodyText, !name.isEmpty, !name.utf8.contains(0) else {
            return .reject("the message names no file")
        }
        guard Self.staysInside(name) else { return .reject("'\(name)' leads out of the folder") }
        let file = open("\(self.root)/\(name)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return .reject("'\(name)' can not be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var hash = SHA256()
        var total = 0
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .reject("'\(name)' can not be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            chunk.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            total += count
            await Task.yield()
            if Task.isCancelled { return .requeue }
        }
        let digest = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let json = "{\"file\":\(Self.quoted(name)),\"sha256\":\"\(digest)\",\"bytes\":\(total)}"
        try context.publish(
            Array(json.utf8),
            exchange: self.exchange,
            routingKey: self.routingKey,
            contentType: "application/json"
        )
        return .ack
    }

    /// Neither absolute nor through `..`.
    package static func staysInside(_ name: String) -> Bool {
        !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
