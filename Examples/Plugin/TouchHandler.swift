import Glibc
import MillraceHandler

/// `bench.touch`, for measuring: sums the first and the last octet of each body, nothing else.
///
/// With `MILLRACE_BENCH_SUM` in the environment each instance writes its sum to standard error when it ends.
final class TouchHandler: SyncJobHandler {
    private var sum = 0

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let count = message.byteCount
        if count > 0 { self.sum &+= Int(message[0]) &+ Int(message[count - 1]) }
        return .ack
    }

    deinit {
        guard getenv("MILLRACE_BENCH_SUM") != nil else { return }
        let line = "bench.touch: sum \(self.sum)\n"
        _ = write(STDERR_FILENO, line, line.utf8.count)
    }
}
