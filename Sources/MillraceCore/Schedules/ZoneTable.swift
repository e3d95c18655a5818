/// A time zone: how far its clocks are from UTC, at any time.
///
/// A value. Times are seconds since 1970.
package struct ZoneTable: Sendable, Equatable {
    /// A stretch of time in which the clocks are not changed.
    package struct Segment: Sendable, Equatable {
        /// Its first second; `Int64.min` if nothing is known before.
        package let start: Int64
        /// The first second after it; `Int64.max` if there is none.
        package let end: Int64
        /// Seconds east of UTC.
        package let offset: Int

        /// What the clock on the wall shows, as seconds since 1970 as if it were UTC.
        package func wall(_ time: Int64) -> Int64 { time + Int64(self.offset) }
    }

    /// A change of the clocks.
    package struct Change: Sendable, Equatable {
        package let at: Int64
        /// From then on.
        package let offset: Int

        package init(at: Int64, offset: Int) {
            self.at = at
            self.offset = offset
        }
    }

    /// Before the first change.
    package let first: Int
    /// In their order.
    package let changes: [Change]
    /// From the last change on; nil leaves the clocks as they are then.
    package let rule: ZoneRule?

    package init(first: Int, changes: [Change], rule: ZoneRule?) {
        self.first = first
        self.changes = changes
        self.rule = rule
    }

    package static let utc = ZoneTable(first: 0, changes: [], rule: nil)

    /// Years 1 to 9999: nothing outside them is a time.
    package static let times: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    package func segment(at time: Int64) -> Segment {
        let time = min(max(time, Self.times.lowerBound), Self.times.upperBound)
        var low = 0
        var high = self.changes.count
        while low < high {
            let middle = (low + high) / 2
            if self.changes[middle].at <= time { low = middle + 1 } else { high = middle }
        }
        let offset = low > 0 ? self.changes[low - 1].offset : self.first
        let start = low > 0 ? self.changes[low - 1].at : Int64.min
        guard low == self.changes.count, let rule else {
            return Segment(start: start, end: low < self.changes.count ? self.changes[low].at : .max, offset: offset)
        }
        return Self.segment(at: time, rule, after: start, offset)
    }

    private static func segment(at time: Int64, _ rule: ZoneRule, after start: Int64, _ offset: Int) -> Segment {
        let year = CivilDay(number: CivilDay.split(time).day).year
        var (start, end) = (start, Int64.max)
        var offset = rule.summer == nil ? rule.offset : offset
        let changes = ((year - 1)...(year + 1)).flatMap { rule.changes(in: $0) }
        let before = start
        for change in changes where change.at > before {
            guard change.at <= time else {
                end = change.at
                break
            }
            (start, offset) = (change.at, change.offset)
        }
        return Segment(start: start, end: end, offset: offset)
    }

    /// The moment at which the clock on the wall shows a time: the first one if it does so twice; if it never does, because
    /// the clocks are set forward over it, the moment when that is done.
    package func moment(ofWall wall: Int64) -> Int64 {
        // No clock is further than a day from UTC.
        var segment = self.segment(at: wall - 93_600)
        while segment.end < .max {
            let time = wall - Int64(segment.offset)
            if time < segment.start { return segment.start }
            if time < segment.end { return time }
            segment = self.segment(at: segment.end)
        }
        return max(wall - Int64(segment.offset), segment.start)
    }
}
