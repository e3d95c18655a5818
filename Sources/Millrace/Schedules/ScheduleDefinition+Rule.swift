import AMQPClient

extension ScheduleDefinition {
    /// The queue in which the broker remembers what was ticked.
    package var clockQueue: String { "\(self.clockPrefix)millrace.clock.\(self.name)" }

    /// What tells it from what it said before: with other words it has other times.
    package var ruleName: String {
        switch self.timing {
        case .cron(let text): "cron \(text) \(self.timezone)"
        case .every(let interval): "every \(interval.wholeMilliseconds)"
        }
    }

    /// The zone of its clock.
    ///
    /// - Parameter folder: Where zones are.
    /// - Returns: The zone; UTC for `every`.
    /// - Throws: A ``ZoneFolder/Failure``.
    package func zone(_ folder: ZoneFolder = .system) throws -> ZoneTable {
        if case .every = self.timing { return .utc }
        return try folder.zone(self.timezone)
    }

    /// When it is due.
    ///
    /// - Parameter zone: Of its clock.
    /// - Returns: The rule.
    /// - Throws: A ``CronError``.
    package func rule(in zone: ZoneTable) throws -> ScheduleRule {
        switch self.timing {
        case .cron(let text): .cron(try CronExpression(text), zone)
        case .every(let interval): .every(max(1, interval.wholeMilliseconds))
        }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { Int64(clamping: self.nanoseconds / 1_000_000) }
}
