package import AMQPCore
import AMQPWire

/// What the end of a channel for outputs says: that an output is wrong, or that the broker can not take it now.
package enum OutputFault {
    /// Whether a condition of the broker ended it, of which no message is guilty.
    ///
    /// A transaction whose outputs a queue refuses ends with 406 on `tx.commit`; a wrong exchange is a 404 on the publish.
    /// LavinMQ has no alarm for a full disk: it says so with a 406.
    package static func isOfBroker(_ error: AMQPError?) -> Bool {
        guard let error else { return false }
        switch error.code.rawValue {
        case 406: return error.method == .txCommit || error.meansBlocked
        case 506, 541: return true
        default: return false
        }
    }
}
