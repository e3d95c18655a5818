import MillraceHandler

/// `examples.access_log`: a message is a block of log lines; publishes the block's counts per status.
///
/// Nothing is summed up across messages: a sum in memory would be lost with the process after its messages were
/// acked. Put more lines into a message for fewer, larger counts.
struct AccessLogHandler: SyncJobHandler {
    private let output: Output

    init(_ options: HandlerOptions) throws {
        self.output = try Output(options)
    }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        guard let text = message.bodyText else { return .reject("the lines are not UTF-8") }
        let summary: AccessLogSummary
        do throws(AccessLogLine.Malformed) {
            summary = try AccessLogSummary(text)
        } catch {
            return .reject(error.description)
        }
        try self.output.publish(Array(summary.json.utf8), context)
        return .ack
    }
}
