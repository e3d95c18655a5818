import AMQPWire

extension ConnectionOptions {
    /// What `frameMax` may be besides 0: RabbitMQ closes the socket over less (C9).
    static let frameMaxRange = Frame.rabbitMQMinSize...Int(Int32.max)

    /// - Throws: `.invalidSettings` with the setting, what it is and what it may be.
    package func validate() throws(AMQPError) {
        try Self.check("heartbeatSeconds", self.heartbeatSeconds, 0...65_535, "seconds")
        try Self.check("channelMax", self.channelMax, 0...65_535, "channels")
        try Self.check("bodyByteLimit", self.bodyByteLimit, 0...Int(UInt32.max), "octets")
        try Self.check("headerByteLimit", self.headerByteLimit, 0...(256 << 20), "octets")
        try Self.check("outboxHighWater", self.outboxHighWater, 0...Int.max, "octets")
        if self.frameMax != 0 { try Self.check("frameMax", self.frameMax, Self.frameMaxRange, "octets", or: "0 or ") }
    }

    private static func check(
        _ name: String,
        _ value: Int,
        _ range: ClosedRange<Int>,
        _ unit: String,
        or other: String = ""
    ) throws(AMQPError) {
        guard !range.contains(value) else { return }
        let allowed = "\(other)\(range.lowerBound) to \(range.upperBound) \(unit)"
        throw AMQPError(.invalidSettings, scope: .call, text: "\(name) is \(value); it takes \(allowed)")
    }
}
