import Millrace

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The files beside these tests, and short ways to read a job file in a test.
enum JobFileFixture {
    static var folder: String {
        let path = #filePath
        return path[..<(path.lastIndex(of: "/") ?? path.endIndex)] + "/Fixtures"
    }

    static var package: String { Self.folder + "/../../../.." }

    static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    static func text(_ path: String) -> String? {
        Self.bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Writes a golden text, if that is asked for.
    static func record(_ text: String, at path: String) {
        guard getenv("MILLRACE_RECORD") != nil, let file = fopen(path, "wb") else { return }
        fputs(text, file)
        fclose(file)
    }

    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            // The name is the entry's own, valid until the next readdir.
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static let environment = ["SET": "value", "EMPTY": "", "LONG": String(repeating: "x", count: 100_000)]

    static func parse(_ text: String, environment: [String: String] = environment) throws(JobFileError) -> JobFile {
        try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: environment)
    }

    /// What is wrong with a text; empty if nothing is.
    static func problems(_ text: String, environment: [String: String] = environment) -> [Diagnostic] {
        do throws(JobFileError) {
            return try Self.parse(text, environment: environment).warnings
        } catch {
            return error.diagnostics
        }
    }

    /// A whole file around one job's further lines, each without its indentation.
    static func withJob(_ lines: String...) -> String {
        let more = lines.map { "    \($0)\n" }.joined()
        return "version: 1\nconnection: { uri: amqp://a }\njobs:\n  a:\n    queue: q\n    handler: p.h\n" + more
    }
}
