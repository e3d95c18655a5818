/// When a schedule is due.
///
/// A value; times are milliseconds since 1970.
package enum ScheduleRule: Sendable, Equatable {
    /// By the clock on the wall.
    case cron(CronExpression, ZoneTable)
    /// Every so many milliseconds, counted from the last time it was due.
    case every(Int64)

    /// The first time after `time`; nil if there is none any more.
    ///
    /// - Parameters:
    ///   - time: In milliseconds.
    ///   - last: When it was due last, for what is counted from there.
    /// - Returns: Milliseconds.
    package func next(after time: Int64, last: Int64) -> Int64? {
        switch self {
        case .every(let interval):
            let passed = time &- last
            guard passed >= 0 else { return last &+ interval }
            return last &+ (passed / interval &+ 1) &* interval
        case .cron(let expression, let zone):
            let seconds = time / 1000 - (time % 1000 < 0 ? 1 : 0)
            guard ZoneTable.times.contains(seconds) else { return nil }
            let next =
                expression.isFixedTime
                ? Self.nextFixed(expression, zone, after: seconds) : Self.nextReal(expression, zone, after: seconds)
            return next.map { $0 * 1000 }
        }
    }

    /// The last time in a stretch; nil if there is none.
    ///
    /// - Parameters:
    ///   - begin: Not itself in it; when it was due last.
    ///   - end: Itself in it.
    /// - Returns: Milliseconds.
    package func last(after begin: Int64, upTo end: Int64) -> Int64? {
        guard end > begin else { return nil }
        if case .every(let interval) = self {
            let count = (end &- begin) / interval
            return count > 0 ? begin &+ count &* interval : nil
        }
        // Of a long time only the end is looked at, as far as that is enough.
        for window: Int64 in [3_600_000, 86_400_000, 32 * 86_400_000, 400 * 86_400_000, .max / 4] {
            let start = max(begin, end &- window)
            var found: Int64?
            var time = start
            while let next = self.next(after: time, last: time), next <= end {
                found = next
                time = next
            }
            if found != nil || start == begin { return found }
        }
        return nil
    }

    // MARK: Cron, in seconds

    /// A time of the clock on the wall: once, whatever is done to that clock.
    private static func nextFixed(_ expression: CronExpression, _ zone: ZoneTable, after time: Int64) -> Int64? {
        // The clock on the wall may have been set back by a day at most.
        var wall = zone.segment(at: time).wall(time) - 2 * 86_400
        while let next = expression.first(from: wall) {
            let moment = zone.moment(ofWall: next)
            if moment > time { return moment }
            wall = next + 60
        }
        return nil
    }

    /// Each minute that the clock on the wall shows and that it names, the second time too.
    private static func nextReal(_ expression: CronExpression, _ zone: ZoneTable, after time: Int64) -> Int64? {
        var segment = zone.segment(at: time + 1)
        var from = time + 1
        while true {
            let limit = segment.end == .max ? Int64.max : segment.wall(segment.end) - 1
            if let wall = expression.first(from: segment.wall(from), to: limit) { return wall - Int64(segment.offset) }
            guard segment.end < .max, segment.end < ZoneTable.times.upperBound, segment.end - time < Self.longestSearch
            else { return nil }
            from = segment.end
            segment = zone.segment(at: segment.end)
        }
    }

    /// As far as an expression may be from its next time: 41 years, and one more.
    private static let longestSearch: Int64 = 42 * 366 * 86_400
}
