import Glibc

/// What the system says of this process.
enum ProcessFacts {
    /// Memory that it has, in KiB.
    static var resident: Int { Self.number("VmRSS:") }
    static var threads: Int { Self.number("Threads:") }

    static var descriptors: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = -3  // the folder's own names, and its descriptor
        while readdir(folder) != nil { count += 1 }
        return count
    }

    private static func number(_ key: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, 512, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(key) else { continue }
            return Int(text.dropFirst(key.utf8.count).split { !$0.isNumber }.first ?? "") ?? 0
        }
        return 0
    }
}
