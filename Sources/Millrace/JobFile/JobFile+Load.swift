extension JobFile {
    /// Reads and checks a job file.
    ///
    /// Blocks the calling thread for the file's I/O, and the system's time zones' where it names some. Files over 1 MiB are
    /// refused without being read.
    ///
    /// - Parameters:
    ///   - path: The file; plugins are looked up from its folder, and messages name it as it is given here.
    ///   - environment: What `${VAR}` in the file stands for.
    /// - Returns: The job file, complete; what looked odd is in its `warnings`.
    /// - Throws: Everything that is wrong with the file, in its order; also if it cannot be read.
    public static func load(path: String, environment: [String: String]) throws(JobFileError) -> JobFile {
        let draft = try JobFileDraft(path: path, environment: environment)
        draft.checkTimeZones()
        return try draft.finish()
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
        try JobFileDraft(bytes: bytes, file: file, environment: environment).finish()
    }
}
