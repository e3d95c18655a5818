extension JobFile {
    /// Reads and checks a job file.
    ///
    /// Blocks the calling thread for the file's I/O. Files over 1 MiB are refused without being read.
    ///
    /// - Parameters:
    ///   - path: The file; plugins are looked up from its folder, and messages name it as it is given here.
    ///   - environment: What `${VAR}` in the file stands for.
    /// - Returns: The job file, complete; what looked odd is in its `warnings`.
    /// - Throws: Everything that is wrong with the file, in its order; also if it cannot be read.
    public static func load(path: String, environment: [String: String]) throws(JobFileError) -> JobFile {
        try Self.parse(bytes: JobFileBytes.read(path), file: path, environment: environment)
    }

    /// Checks the bytes of a job file; does no I/O.
    ///
    /// - Parameters:
    ///   - bytes: The text, UTF-8.
    ///   - file: What messages call it; plugins are looked up from its folder.
    ///   - environment: What `${VAR}` in the text stands for.
    /// - Returns: The job file, complete; what looked odd is in its `warnings`.
    /// - Throws: Everything that is wrong with the text, in its order.
    public static func parse(
        bytes: [UInt8],
        file: String,
        environment: [String: String]
    ) throws(JobFileError) -> JobFile {
        if bytes.count > YAMLLimits.fileBytes { throw JobFileBytes.tooLarge(file) }
        let text = YAMLReader.withoutByteOrderMark(bytes)
        let log = DiagnosticLog(source: SourceText(file: file, bytes: text))
        if let tree = YAMLReader.read(bytes, log: log) {
            log.confidences.note(secretsOf: tree)
            if let jobFile = JobFileDecoder(log: log, environment: environment).decode(tree) { return jobFile }
        }
        throw JobFileError(diagnostics: log.diagnostics())
    }
}
