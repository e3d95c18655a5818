/// Between which numbers a job's threads follow its backlog, and how.
public struct ThreadScaling: Sendable, Equatable {
    /// The least, 1…512.
    public var min: Int
    /// The most, `min`…512.
    public var max: Int
    /// How long a message should wait at most for a thread; 30 s unless given, 1 s…24 h.
    public var targetWait: Duration
    /// How much of their time threads should be busy; 0.8 unless given, 0.1…1.
    public var utilization: Double
    /// How long fewer threads have to be enough before one goes; 5 min unless given, 1 s…24 h.
    public var shrinkAfter: Duration

    /// Makes a range in code; nothing is checked.
    public init(
        min: Int,
        max: Int,
        targetWait: Duration = .seconds(30),
        utilization: Double = 0.8,
        shrinkAfter: Duration = .seconds(300)
    ) {
        self.min = min
        self.max = max
        self.targetWait = targetWait
        self.utilization = utilization
        self.shrinkAfter = shrinkAfter
    }
}
