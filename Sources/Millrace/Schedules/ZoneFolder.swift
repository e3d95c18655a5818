import Glibc

/// The system's time zones, in files.
package struct ZoneFolder: Sendable {
    /// Why a zone can not be had.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let message: String
        package let help: String?

        package var description: String { self.help.map { "\(self.message): \($0)" } ?? self.message }
    }

    package let path: String

    package init(path: String) { self.path = path }

    /// Where this system has them; the first place if it has none.
    package static var system: ZoneFolder {
        let places = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"]
        return ZoneFolder(path: places.first { Glibc.access($0, R_OK | X_OK) == 0 } ?? places[0])
    }

    private static let longestFile = 256 << 10
    private static let mostNames = 5000

    /// - Parameter name: Such as `Europe/Berlin`; `UTC` needs no file.
    /// - Returns: The zone.
    /// - Throws: That there is none, and which was probably meant.
    package func zone(_ name: String) throws(Failure) -> ZoneTable {
        if name == "UTC" { return .utc }
        guard Glibc.access(self.path, X_OK) == 0 else {
            throw Failure(
                message: "this machine has no time zones in \(self.path)",
                help: "install tzdata, or write UTC"
            )
        }
        guard ZoneName.isValid(name), let octets = self.read(name) else {
            let nearest = ZoneName.nearest(name, among: self.names())
            throw Failure(
                message: "there is no time zone \(quoted(name))",
                help: nearest.map { "did you mean '\($0)'?" } ?? "write an area and a city, as in Europe/Berlin"
            )
        }
        guard let zone = ZoneFile.read(octets) else {
            throw Failure(message: "the file of time zone \(quoted(name)) can not be read", help: nil)
        }
        return zone
    }

    /// Nil if there is no such file.
    private func read(_ name: String) -> [UInt8]? {
        let descriptor = Glibc.open("\(self.path)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.longestFile
        else { return nil }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while octets.count <= Self.longestFile {
            // The pointer lives for the call, and the count is the buffer's own.
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if count == 0 { return octets }
            octets += chunk[..<count]
        }
        return nil
    }

    /// All that have a name, in order.
    package func names() -> [String] {
        var names: [String] = []
        self.addNames(below: "", depth: 0, to: &names)
        return names.sorted()
    }

    private func addNames(below folder: String, depth: Int, to names: inout [String]) {
        guard depth < 3, let directory = opendir("\(self.path)/\(folder)") else { return }
        defer { closedir(directory) }
        while names.count < Self.mostNames, let entry = readdir(directory) {
            let text = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            let name = folder.isEmpty ? text : "\(folder)/\(text)"
            guard ZoneName.isValid(name) else { continue }
            if entry.pointee.d_type == DT_DIR {
                self.addNames(below: name, depth: depth + 1, to: &names)
            } else {
                names.append(name)
            }
        }
    }
}
