import Glibc

/// A program that is there and may be run, and how it is called.
struct Program: Sendable {
    /// Absolute.
    let path: String
    let arguments: [String]
    /// Absolute.
    let folder: String

    /// Looks for it.
    ///
    /// - Parameters:
    ///   - command: The program and its arguments. A name with a slash is a path; another is looked for in `searchPath`.
    ///   - folder: The working directory.
    ///   - searchPath: As in the variable PATH.
    /// - Throws: What is wrong with it.
    init(_ command: [String], folder: String, searchPath: String) throws(ProgramError) {
        guard let name = command.first else { throw ProgramError(name: "", problem: .missing("")) }
        self.folder = Self.absolute(folder)
        self.arguments = Array(command.dropFirst())
        guard Self.isFolder(self.folder) else { throw ProgramError(name: name, problem: .noFolder(self.folder)) }
        if name.contains("/") {
            self.path = Self.absolute(name)
            if let problem = Self.problem(self.path) { throw ProgramError(name: name, problem: problem) }
        } else {
            let places = searchPath.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
            guard let found = places.first(where: { Self.problem($0) == nil }) else {
                let isBeside = Self.problem("\(self.folder)/\(name)") == nil
                throw ProgramError(name: name, problem: .notInPath(isBeside: isBeside))
            }
            self.path = found
        }
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        let folder = String(cString: here)
        return path == "." || path.isEmpty ? folder : "\(folder)/\(path)"
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func problem(_ path: String) -> ProgramError.Problem? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return errno == ENOENT || errno == ENOTDIR ? .missing(path) : .outOfReach(path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return .isNoFile(path) }
        guard access(path, X_OK) == 0 else { return .notExecutable(path) }
        guard let interpreter = Self.interpreter(path) else { return nil }
        return access(interpreter, X_OK) == 0 ? nil : .noInterpreter(path, interpreter)
    }

    /// What the first line of a script names, if it names something absolute.
    private static func interpreter(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var octets = [UInt8](repeating: 0, count: 256)
        let count = read(file, &octets, octets.count)
        guard count > 2, octets.starts(with: [0x23, 0x21]) else { return nil }
        let line = octets[2..<count].prefix { $0 != 0x0A }.drop { $0 == 0x20 || $0 == 0x09 }
        let name = line.prefix { $0 != 0x20 && $0 != 0x09 }
        // One that is cut off here is left to the system.
        guard name.first == 0x2F, name.endIndex < count else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
