#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Reads a job file's bytes with the system's own calls, never more than the limit.
package enum JobFileBytes {
    package static func read(_ path: String) throws(JobFileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path, errno) }
        if status.st_mode & S_IFMT == S_IFREG, status.st_size > YAMLLimits.fileBytes { throw Self.tooLarge(path) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= YAMLLimits.fileBytes {
            let count = Self.read(descriptor, &chunk)
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.unreadable(path, errno)
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
        throw Self.tooLarge(path)  // not a regular file, or it grew
    }

    private static func read(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        // The pointer lives for the call, and the count is the buffer's own.
        chunk.withUnsafeMutableBytes { buffer in
            #if canImport(Darwin)
                Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #elseif canImport(Musl)
                Musl.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
        }
    }

    static func tooLarge(_ path: String) -> JobFileError {
        Self.failure(path, .fileTooLarge, "larger than \(YAMLLimits.fileBytes >> 10) KiB: not a job file")
    }

    private static func unreadable(_ path: String, _ code: Int32) -> JobFileError {
        let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
        return Self.failure(path, .fileUnreadable, "cannot read the file: \(reason)")
    }

    private static func failure(_ path: String, _ id: DiagnosticID, _ message: String) -> JobFileError {
        let diagnostic = Diagnostic(
            severity: .error,
            id: id.rawValue,
            file: path,
            line: 0,
            column: 0,
            length: 0,
            message: message
        )
        return JobFileError(diagnostics: [diagnostic])
    }
}
