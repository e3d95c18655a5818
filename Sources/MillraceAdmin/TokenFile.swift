import Glibc

/// A file that holds what requests have to show.
package enum TokenFile {
    /// Fewer characters are guessed.
    package static let shortest = 16

    /// Reads the first line.
    ///
    /// - Throws: If it can not be read, or is too short to keep anybody out.
    package static func read(_ path: String) throws(DoorFailure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw DoorFailure("\(path) can not be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var octets = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &octets, octets.count)
        guard count >= 0 else { throw DoorFailure("\(path) can not be read: \(String(cString: strerror(errno)))") }
        let line = octets[..<count].prefix { $0 != 0x0A && $0 != 0x0D }
        let isPlain = line.allSatisfy { (0x21...0x7E).contains($0) }
        guard line.count >= Self.shortest, isPlain else {
            throw DoorFailure(
                "\(path) has no token: its first line is \(Self.shortest) or more characters of ASCII, without blanks"
            )
        }
        return String(decoding: line, as: UTF8.self)
    }
}
