import AMQPClient
import ArgumentParser
import Glibc

/// Why publishing ended before its end.
enum PublishEnd: Error {
    case failed(AMQPError)
    /// Nothing was confirmed for so long.
    case unanswered(Duration)
    case stopped(Int32)
    case input(OutputError)

    /// Says so on standard error.
    ///
    /// - Returns: The exit status.
    func told(_ summary: String) -> ExitCode {
        let (reason, status): (String, ExitCode) =
            switch self {
            case .failed(let error): ("\(error)", .ofRequest(error))
            case .unanswered(let time): ("no answer for \(DurationText.write(time))", .unavailable)
            case .stopped(let signal):
                ("stopped by \(signal == SIGINT ? "SIGINT" : "SIGTERM")", ExitCode(128 + signal))
            case .input(let error): ("\(error)", .ioError)
            }
        StandardError.write(reason)
        StandardError.write(summary)
        return status
    }
}
