/// How many durations were how long, in buckets of which each is a little wider than the one before: bounded memory, whatever comes.
///
/// Up to 4 µs the buckets are 64 ns wide; above, each doubling has 32 of them. So a quantile is off by at most 1.6 % of its value, or
/// by 32 ns. What is longer than 13 days counts as that. 10 KiB each; two of them add up to a third.
///
/// Why: record 20, times by samples.
package struct TimeHistogram: Equatable, Sendable {
    /// Buckets for each doubling.
    private static let part = 32
    /// Of the narrowest ones: nanoseconds, as a power of two.
    private static let unitBits = 6
    /// Longer than any value that is told apart: nanoseconds.
    package static let longest: UInt64 = 1 << 50
    static let bucketCount = (50 - unitBits - 5 + 1) * part

    private var counts = ContiguousArray<UInt64>(repeating: 0, count: Self.bucketCount)
    /// Durations in it.
    package private(set) var total: UInt64 = 0
    /// All of them together, in nanoseconds; not in buckets.
    package private(set) var sum: UInt64 = 0

    package init() {}

    /// Adds a duration that stands for so many.
    package mutating func record(_ nanoseconds: UInt64, weight: UInt64 = 1) {
        self.counts[Self.index(of: nanoseconds)] &+= weight
        self.total &+= weight
        self.sum &+= nanoseconds &* weight
    }

    /// The duration that this part of all is not longer than, in nanoseconds: the middle of its bucket; nil if there is none.
    package func quantile(_ part: Double) -> UInt64? {
        guard self.total > 0 else { return nil }
        let rank = max(1, UInt64((part * Double(self.total)).rounded(.up)))
        var seen: UInt64 = 0
        for index in self.counts.indices where self.counts[index] > 0 {
            seen &+= self.counts[index]
            if seen >= rank { return Self.middle(of: index) }
        }
        return Self.middle(of: Self.bucketCount - 1)
    }

    /// How many are not longer than each of these bounds, by the middles of their buckets.
    ///
    /// - Parameter bounds: In nanoseconds, from the shortest on.
    /// - Returns: As many numbers, none less than the one before.
    package func counts(upTo bounds: [UInt64]) -> [UInt64] {
        var sums: [UInt64] = []
        var (index, seen): (Int, UInt64) = (0, 0)
        for bound in bounds {
            while index < Self.bucketCount, Self.middle(of: index) <= bound {
                seen &+= self.counts[index]
                index += 1
            }
            sums.append(seen)
        }
        return sums
    }

    /// Those buckets that hold something: a duration that stands for them, and how many they are.
    package var filled: [(nanoseconds: UInt64, count: UInt64)] {
        self.counts.indices.filter { self.counts[$0] > 0 }.map { (Self.middle(of: $0), self.counts[$0]) }
    }

    package static func += (left: inout TimeHistogram, right: TimeHistogram) {
        for index in 0..<Self.bucketCount { left.counts[index] &+= right.counts[index] }
        left.total &+= right.total
        left.sum &+= right.sum
    }

    /// What came after an earlier state of the same.
    package func since(_ earlier: TimeHistogram) -> TimeHistogram {
        var later = self
        for index in 0..<Self.bucketCount { later.counts[index] &-= earlier.counts[index] }
        later.total &-= earlier.total
        later.sum &-= earlier.sum
        return later
    }

    // MARK: Buckets

    private static func index(of nanoseconds: UInt64) -> Int {
        let units = min(nanoseconds, Self.longest - 1) >> UInt64(Self.unitBits)
        guard units >= UInt64(2 * Self.part) else { return Int(units) }
        let shift = 63 - units.leadingZeroBitCount - 5
        return shift * Self.part + Int(units >> UInt64(shift))
    }

    private static func middle(of index: Int) -> UInt64 {
        let shift = max(index / Self.part - 1, 0)
        let units = UInt64(index - shift * Self.part)
        let bits = UInt64(shift + Self.unitBits)
        return units << bits + 1 << (bits - 1)
    }
}
