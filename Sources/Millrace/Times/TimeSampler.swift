/// Which deliveries are timed: every one while handlers take 20 µs or more, else some.
///
/// Of shorter ones the first after each tick of the coarse clock is timed, which stands for itself, so that all are where few
/// come; of the others one in 256, at random, which stands for 256.
///
/// Looking at the clock twice costs a twentieth of a microsecond: nothing beside 20 µs, and a tenth of what a delivery to a
/// short handler costs. A handler that was not timed and took 100 ms or more is seen by the coarse clock, which is looked at
/// anyway, and counts by itself; so a rare long one among many short ones is never missed.
///
/// What a time stands for is one over how probable it was that it would be measured, which is decided before it is known: so
/// the samples are right on average, however short and long ones follow each other.
///
/// A value of its worker's thread; times are nanoseconds.
struct TimeSampler {
    /// Handlers that take as long are all timed.
    static let short: UInt64 = 20_000
    /// What took as long counts for itself alone: if it was not timed, by the coarse clock, to 10 ms.
    static let long: UInt64 = 100_000_000
    /// One in so many short ones within a tick is timed.
    static let stride = 256

    /// What was measured and is not handed over.
    var samples: ContiguousArray<TimeSample> = []
    /// Deliveries that are not timed before the next one that is.
    private var skips = 0
    /// What the next one that is timed stands for, unless it is the first of its tick.
    private var weight = 1
    private var isShort = true
    /// When the last delivery began, as the coarse clock has it.
    private var tick = UInt64.max
    private var random: UInt64

    /// - Parameter seed: Two samplers with the same one choose alike.
    init(seed: UInt64) {
        self.random = seed | 1
        self.choose()
    }

    /// For each delivery, before its handler begins.
    ///
    /// - Parameter now: The time, as the coarse clock has it.
    /// - Returns: How many deliveries it stands for; 0 if it is not timed.
    @inline(__always)
    mutating func next(now: UInt64) -> Int {
        if now == self.tick, self.skips > 0 {
            self.skips -= 1
            return 0
        }
        return self.timed(now)
    }

    @inline(never)
    private mutating func timed(_ now: UInt64) -> Int {
        if now != self.tick {
            self.tick = now
            return 1
        }
        defer { self.choose() }
        return self.weight
    }

    /// When the next one is timed.
    private mutating func choose() {
        self.weight = self.isShort ? Self.stride : 1
        self.skips = self.isShort ? self.draw() : 0
    }

    /// How often in a row one is not timed, each time with a probability of 255 in 256: how many octets are not zero.
    private mutating func draw() -> Int {
        var count = 0
        while true {
            self.random ^= self.random << 13
            self.random ^= self.random >> 7
            self.random ^= self.random << 17
            // Not the lowest bits, which are the least random.
            var bits = self.random >> 8
            for _ in 0..<7 {
                if bits & 0xFF == 0 { return count }
                bits >>= 8
                count += 1
            }
        }
    }

    /// A handler that was timed has ended.
    mutating func ended(after time: UInt64, weight: Int) {
        // Long ones are seen in any case.
        self.record(.handler, time, time >= Self.long ? 1 : weight)
        self.took(time)
    }

    /// A handler that was not timed has ended, and the coarse clock says how long it took.
    @inline(__always)
    mutating func passed(after time: UInt64) { if time >= Self.long { self.passedLong(time) } }

    @inline(never)
    private mutating func passedLong(_ time: UInt64) {
        self.record(.handler, time, 1)
        self.took(time)
    }

    private mutating func took(_ time: UInt64) {
        let wasShort = self.isShort
        self.isShort = time < Self.short
        if self.isShort != wasShort { self.choose() }
    }

    /// A batch has ended: each of its deliveries has its time.
    mutating func batchEnded(after time: UInt64, count: Int) { self.record(.handler, time, count) }

    /// A delivery that is timed has waited as long.
    mutating func waited(_ time: UInt64, weight: Int) { self.record(.wait, time, weight) }

    private mutating func record(_ kind: TimeSample.Kind, _ time: UInt64, _ weight: Int) {
        self.samples.append(TimeSample(kind: kind, nanoseconds: time, weight: UInt64(weight)))
    }
}
