/// How many deliveries a batch handler gets at once, and how long the first of them waits for others.
public struct HandlerBatch: Sendable, Equatable {
    /// At most so many; 100 unless given, or `prefetch` if that is less; 1…65,535.
    public var size: Int
    /// After this a batch begins though it is not full; 100 ms unless given, 0 s…1 h; 0 takes what is there.
    public var timeout: Duration

    /// A policy; nothing is checked.
    public init(size: Int, timeout: Duration = .milliseconds(100)) {
        self.size = size
        self.timeout = timeout
    }

    /// What a batch handler gets whose job says nothing about it.
    public static func unlessGiven(prefetch: Int) -> HandlerBatch { HandlerBatch(size: min(100, prefetch)) }
}
