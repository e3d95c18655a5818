/// Writes the time of a tick.
package enum TickTime {
    /// `2026-03-29T02:30+01:00`; seconds and milliseconds only where there are some.
    ///
    /// - Parameters:
    ///   - milliseconds: Since 1970.
    ///   - offset: Of the clock on the wall, in seconds east of UTC.
    /// - Returns: The text.
    package static func text(_ milliseconds: Int64, offset: Int) -> String {
        let wall = milliseconds &+ Int64(offset) &* 1000
        let rest = Int((wall % 1000 + 1000) % 1000)
        let (number, second) = CivilDay.split((wall &- Int64(rest)) / 1000)
        let day = CivilDay(number: number)
        var text = "\(Self.pad(day.year, 4))-\(Self.pad(day.month))-\(Self.pad(day.day))T"
        text += "\(Self.pad(second / 3600)):\(Self.pad(second / 60 % 60))"
        if second % 60 != 0 || rest != 0 { text += ":\(Self.pad(second % 60))" }
        if rest != 0 { text += ".\(Self.pad(rest, 3))" }
        return text + Self.offset(offset)
    }

    private static func offset(_ seconds: Int) -> String {
        if seconds == 0 { return "Z" }
        let minutes = abs(seconds) / 60
        return "\(seconds < 0 ? "-" : "+")\(Self.pad(minutes / 60)):\(Self.pad(minutes % 60))"
    }

    private static func pad(_ number: Int, _ width: Int = 2) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
