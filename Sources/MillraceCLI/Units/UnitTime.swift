/// Times as service managers write them: `1min 30s` of systemd, `1m30s` of Compose.
enum UnitTime {
    private static let systemd: [String: Double] = [
        "us": 1e-6, "µs": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1,
        "seconds": 1,
        "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
        "d": 86_400,
        "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
    ]
    private static let compose: [String: Double] = ["us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600]

    /// Reads systemd.time(7): numbers with units, added up; a number alone is seconds.
    ///
    /// - Returns: Nil if it is no time; infinity is the longest time there is.
    static func ofSystemd(_ text: String) -> Duration? {
        text == "infinity" ? Self.forever : Self.parse(text.split(separator: " ").joined(), Self.systemd)
    }

    static func ofCompose(_ text: String) -> Duration? { Self.parse(text, Self.compose) }

    static let forever = Duration.seconds(Int64.max / 2)

    private static func parse(_ text: String, _ units: [String: Double]) -> Duration? {
        var rest = text[...]
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let size = units[String(unit)] else { return nil }
            total += number * size
        }
        return total < 1e12 ? .milliseconds(Int64((total * 1000).rounded())) : Self.forever
    }
}
