import AMQPCore
import Glibc

/// Reads the files that TLS needs.
enum PEMFile {
    /// Octets; certificate bundles of whole systems have about 200 KiB.
    private static let limit = 16 << 20

    /// The file's octets.
    ///
    /// - Throws: The system's reason with the path, never what is in the file.
    static func read(_ path: String, _ what: String) throws(AMQPError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.unreadable(path, what) }
        defer { close(file) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.unreadable(path, what) }
            if count == 0 { return octets }
            octets.append(contentsOf: piece[..<count])
            guard octets.count <= Self.limit else { throw Self.useless(path, what, "has more than 16 MiB") }
        }
    }

    private static func unreadable(_ path: String, _ what: String) -> AMQPError {
        let reason = String(cString: strerror(errno))
        return AMQPError(
            .tlsFailed,
            scope: .connection,
            text: "\(what) '\(path)' can not be read: \(reason)",
            advice: "Correct the path, or let this user read the file."
        )
    }

    static func useless(_ path: String, _ what: String, _ why: String, advice: String? = nil) -> AMQPError {
        AMQPError(
            .tlsFailed,
            scope: .connection,
            text: "\(what) '\(path)' \(why)",
            advice: advice ?? "Give a PEM file."
        )
    }
}
