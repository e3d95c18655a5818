package import AMQPWire

/// How a tick, and a token, are written as messages.
package enum TickMessage {
    /// String: the schedule.
    package static let schedule = "millrace-schedule"
    /// Integer: when it was due, in milliseconds since 1970.
    package static let tick = "millrace-tick"
    /// Integer: when somebody was there; only in a clock queue.
    package static let seed = "millrace-seed"
    /// String: what the schedule said.
    package static let rule = "millrace-schedule-rule"

    /// The name of one tick, the same whoever sends it: `nightly@2026-03-29T02:30+01:00`.
    package static func id(_ schedule: String, _ time: Int64, in zone: ZoneTable) -> String {
        let seconds = time / 1000 - (time % 1000 < 0 ? 1 : 0)
        return "\(schedule)@\(TickTime.text(time, offset: zone.segment(at: seconds).offset))"
    }

    /// Of the message that goes to the job's queue, and with the same publish to the clock queue.
    ///
    /// - Parameters:
    ///   - schedule: Its body and headers.
    ///   - time: When it was due, in milliseconds since 1970.
    ///   - zone: Of its clock.
    ///   - now: Seconds since 1970.
    /// - Returns: Its properties.
    package static func properties(
        _ schedule: ScheduleDefinition,
        _ time: Int64,
        in zone: ZoneTable,
        now: UInt64
    ) -> BasicProperties {
        var headers = FieldTable(schedule.headers)
        headers[Self.schedule] = .string(schedule.name)
        headers[Self.tick] = .int64(time)
        headers[Self.rule] = .string(schedule.ruleName)
        // The broker routes by it as by one more routing key, and takes it out.
        headers["BCC"] = .array([.string(schedule.clockQueue)])
        var properties = BasicProperties()
        properties.contentType = schedule.contentType
        properties.headers = headers
        properties.deliveryMode = 2
        properties.messageID = Self.id(schedule.name, time, in: zone)
        properties.timestamp = now
        return properties
    }

    /// Of a message that goes to the clock queue alone.
    package static func properties(_ schedule: String, _ token: ScheduleToken) -> BasicProperties {
        var properties = BasicProperties()
        properties.deliveryMode = 2
        properties.headers = [
            Self.schedule: .string(schedule),
            token.kind == .done ? Self.tick : Self.seed: .int64(token.time),
            Self.rule: .string(token.rule),
        ]
        return properties
    }

    /// What a message in a clock queue says; nil if it is none of ours.
    package static func token(_ properties: BasicProperties) -> ScheduleToken? {
        guard let headers = properties.headers, case .string(let rule)? = headers[Self.rule] else { return nil }
        if case .int64(let time)? = headers[Self.tick] { return ScheduleToken(.done, time, rule: rule) }
        if case .int64(let time)? = headers[Self.seed] { return ScheduleToken(.seed, time, rule: rule) }
        return nil
    }

    /// Whether the broker has given it out so often that it may soon drop it.
    package static func isWorn(_ properties: BasicProperties) -> Bool {
        switch properties.headers?["x-delivery-count"] {
        case .int64(let count)?: count >= Self.wear
        case .int32(let count)?: count >= Self.wear
        default: false
        }
    }

    /// Half of what quorum queues allow by default.
    private static let wear = 10
}
