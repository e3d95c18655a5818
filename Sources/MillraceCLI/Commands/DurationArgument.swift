import AMQPClient
import ArgumentParser
import Millrace

/// A duration as the job file has it, `500ms` or `1m30s`; a number alone is seconds.
struct DurationArgument: ExpressibleByArgument, Equatable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        if case .success(let duration) = DurationText.parse(argument) {
            self.duration = duration
        } else if let seconds = Double(argument), (0...Self.most).contains(seconds) {
            self.duration = .seconds(seconds)
        } else {
            return nil
        }
    }

    /// Seconds; more is nobody's.
    private static let most = 1e9

    var defaultValueDescription: String { DurationText.write(self.duration) }
}
