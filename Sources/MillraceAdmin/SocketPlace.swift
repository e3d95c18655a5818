import Glibc
package import Millrace

/// Where the socket of a job file's supervisor is: in a folder that nobody else can enter.
package struct SocketPlace: Sendable, Equatable {
    package let path: String
    /// Whether the file named it.
    package let isChosen: Bool

    package init(path: String, isChosen: Bool) {
        self.path = path
        self.isChosen = isChosen
    }

    /// Octets that the system has room for, without the one that ends it.
    package static let longest = 107

    /// - Parameters:
    ///   - jobFile: The path of the job file.
    ///   - settings: What that says.
    ///   - folder: The folder that the process is in.
    ///   - environment: Of the process.
    ///   - user: Its number.
    package init(
        jobFile: String,
        _ settings: ControlSettings,
        folder: String,
        environment: (String) -> String?,
        user: UInt32
    ) {
        if let socket = settings.socket {
            self.init(path: socket, isChosen: true)
            return
        }
        let place = Self.folder(environment: environment, user: user)
        self.init(path: "\(place)/\(Self.name(jobFile: jobFile, folder: folder)).sock", isChosen: false)
    }

    /// Where the sockets are that no file named.
    package static func folder(environment: (String) -> String?, user: UInt32) -> String {
        // systemd's may be a list.
        if let runtime = environment("RUNTIME_DIRECTORY")?.split(separator: ":").first { return String(runtime) }
        if let runtime = environment("XDG_RUNTIME_DIR"), !runtime.isEmpty { return runtime + "/millrace" }
        return "/tmp/millrace-\(user)"
    }

    /// The same for every way to name one file, and another for each file.
    private static func name(jobFile: String, folder: String) -> String {
        let path = jobFile.hasPrefix("/") ? jobFile : folder + "/" + jobFile
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        var hash = StableHash()
        hash.add(parts.joined(separator: "/").utf8)
        let last = parts.last ?? "jobs"
        let base = last.split(separator: ".").first ?? "jobs"
        let plain = base.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "-" }
        return "\(String(plain.prefix(30)))-\(hash.digits.prefix(8))"
    }

    /// The same place for a second supervisor of that file.
    package func beside(_ processID: Int32) -> SocketPlace {
        let stem = self.path.hasSuffix(".sock") ? String(self.path.dropLast(5)) : self.path
        return SocketPlace(path: "\(stem).\(processID).sock", isChosen: self.isChosen)
    }

    /// Makes its folder, for this user alone.
    ///
    /// - Throws: Why it can not be used: somebody else owns it, or may write in it.
    package func prepareFolder() throws(DoorFailure) {
        guard self.path.utf8.count <= Self.longest else {
            throw DoorFailure("\(self.path) is longer than a socket's path may be, \(Self.longest) octets")
        }
        guard let slash = self.path.lastIndex(of: "/"), slash != self.path.startIndex else { return }
        let folder = String(self.path[..<slash])
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw DoorFailure("\(folder) can not be made: \(String(cString: strerror(errno)))")
        }
        guard !self.isChosen else { return }  // whose folder it is the file's writer knows
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid() else {
            throw DoorFailure("\(folder) is not a folder of this user's own")
        }
        if status.st_mode & 0o077 != 0, chmod(folder, 0o700) != 0 {
            throw DoorFailure("others may enter \(folder): \(String(cString: strerror(errno)))")
        }
    }
}

/// Why a door does not open; the jobs run all the same.
package struct DoorFailure: Error, CustomStringConvertible, Sendable {
    package let description: String

    package init(_ description: String) { self.description = description }
}
