/// A job file that has been read and is still looked at: whoever finds something wrong adds it, and all of it is told together.
///
/// It belongs to one thread.
package final class JobFileDraft {
    let log: DiagnosticLog
    private let bytes: [UInt8]
    /// Nil if nothing could be read.
    let decoded: DecodedFile?

    /// Reads a file; see ``JobFile/load(path:environment:)``.
    ///
    /// - Throws: If it cannot be read.
    package convenience init(path: String, environment: [String: String]) throws(JobFileError) {
        try self.init(bytes: JobFileBytes.read(path), file: path, environment: environment)
    }

    /// Reads the bytes of a file; does no I/O.
    ///
    /// - Throws: If there are too many.
    package init(bytes: [UInt8], file: String, environment: [String: String]) throws(JobFileError) {
        if bytes.count > YAMLLimits.fileBytes { throw JobFileBytes.tooLarge(file) }
        self.bytes = bytes
        let text = YAMLReader.withoutByteOrderMark(bytes)
        self.log = DiagnosticLog(source: SourceText(file: file, bytes: text))
        guard let tree = YAMLReader.read(bytes, log: self.log) else {
            self.decoded = nil
            return
        }
        self.log.confidences.note(secretsOf: tree)
        self.decoded = JobFileDecoder(log: self.log, environment: environment).decode(tree)
    }

    /// Where the file says that its supervisor's socket is, whatever is wrong with the rest of it.
    package var control: ControlSettings? { self.decoded?.control }

    /// Of the octets of the file that it became, and of what its variables stood for.
    package func digest(of file: JobFile) -> String {
        var hash = StableHash()
        hash.add(self.bytes)
        for uri in file.connection.uris { hash.add(uri.utf8) }
        for job in file.jobs {
            for queue in job.queues { hash.add(queue.utf8) }
            hash.add(OptionValue.json(job.with))
        }
        return hash.digits
    }

    /// The job file, complete; what looked odd is in its `warnings`.
    ///
    /// - Throws: Everything that is wrong, in the order of the file.
    package func finish() throws(JobFileError) -> JobFile {
        if let file = self.decoded?.jobFile(self.log) { return file }
        throw JobFileError(diagnostics: self.log.diagnostics())
    }
}
