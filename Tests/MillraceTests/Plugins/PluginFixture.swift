import Glibc
import Millrace
import Testing

/// Shared libraries made at run time from the C sources in `Fixtures`, in a folder that goes with this object.
final class PluginFixture {
    let folder: String
    private static let tests = #filePath[..<(#filePath.lastIndex(of: "/") ?? #filePath.endIndex)]

    init() throws {
        var template = Array("/tmp/millrace-plugins.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        self.folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? Self.run(["rm", "-rf", self.folder]) }

    /// Compiles `Fixtures/<name>.c`; the library's path.
    func library(_ name: String) throws -> String {
        let path = "\(self.folder)/\(name).so"
        try Self.run([
            "cc", "-shared", "-fPIC", "-Wno-initializer-overrides", "-Wno-override-init",
            "-I", "\(Self.tests)/../../../Sources/CMillraceABI/include", "-o", path, "\(Self.tests)/Fixtures/\(name).c",
        ])
        return path
    }

    /// Writes a file; its path.
    func file(_ name: String, _ octets: some Collection<UInt8>) throws -> String {
        let path = "\(self.folder)/\(name)"
        let file = try #require(fopen(path, "wb"))
        defer { fclose(file) }
        let octets = Array(octets)
        try #require(fwrite(octets, 1, octets.count, file) == octets.count)
        return path
    }

    /// The sentence that a path is refused with; nil if it loads.
    static func sentence(_ path: String) -> String? {
        do throws(PluginError) {
            _ = try Plugin(path: path)
            return nil
        } catch {
            return error.description
        }
    }

    private static func run(_ command: [String]) throws {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        try #require(posix_spawnp(&process, command[0], nil, nil, &arguments, environ) == 0)
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        try #require(status == 0, "\(command.joined(separator: " "))")
    }
}
