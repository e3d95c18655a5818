import AMQPClient

/// What ``Hands`` needs of the channel that deliveries come on: a ``Channel``, or a test's stand-in.
protocol HandsLine: AnyObject {
    /// Another one for each channel, though its number may come again.
    var incarnation: UInt64 { get }
    var isOpen: Bool { get }
    /// Whether the broker has taken deliveries back that were not settled in time.
    var hasTimedOut: Bool { get }

    /// Takes in what comes until then.
    @discardableResult
    func pump(until deadline: UInt64?) -> Bool
}

extension Channel: HandsLine {}
