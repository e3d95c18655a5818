import Crypto
import FoundationEssentials

/// The SHA-256 of one file.
package struct FileChecksum: Codable, Equatable, Sendable {
    /// The name that was asked for.
    package let file: String
    /// 64 lower-case hexadecimal digits.
    package let sha256: String
    /// The octets read.
    package let bytes: Int

    /// Reads a file to its end, and lets others have the thread between two chunks.
    ///
    /// - Parameters:
    ///   - name: Relative to `root`.
    ///   - root: The folder that no name may leave.
    ///   - chunkBytes: How much is read at once, 1 or more.
    /// - Throws: ``BoundedFile/Unreadable``, or `CancellationError` between two chunks.
    package init(of name: String, below root: String, chunkBytes: Int = 64 * 1024) async throws {
        let file = try BoundedFile(name, below: root)
        var hash = SHA256()
        var total = 0
        var chunk = [UInt8](repeating: 0, count: max(chunkBytes, 1))
        while case let count = try file.read(into: &chunk), count > 0 {
            chunk.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            total += count
            await Task.yield()
            try Task.checkCancellation()
        }
        self.file = name
        self.sha256 = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        self.bytes = total
    }

    /// The checksum as JSON, its keys sorted.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}
