/// How an ``AsyncPublisher`` publishes.
public struct PublisherOptions: Sendable {
    /// Messages that may be on their way to the broker, unconfirmed; callers beyond that wait for their turn.
    ///
    /// Of any size one may be on its way.
    public var maxInFlight: Int
    /// Octets of bodies that may be on their way.
    public var maxBytesInFlight: Int
    /// How long a call waits for the broker's answer unless it says so itself.
    public var timeout: Duration
    /// Whether what was on its way when a connection ended is published again on the next one.
    ///
    /// It may be there twice then, under one identifier, and the second says so:
    /// ``AsyncPublisher/republishedHeader``. If not, its call throws, and whether it is there is unknown.
    public var republishes: Bool

    /// The defaults: 1,000 messages and 16 MiB on their way, 30 s, published again.
    public init(
        maxInFlight: Int = 1000,
        maxBytesInFlight: Int = 16 << 20,
        timeout: Duration = .seconds(30),
        republishes: Bool = true
    ) {
        self.maxInFlight = max(1, maxInFlight)
        self.maxBytesInFlight = max(1, maxBytesInFlight)
        self.timeout = timeout
        self.republishes = republishes
    }
}
