/// An expression in words: `at 02:30 every day`.
extension CronExpression {
    /// When it is due, as a person would say it.
    package var words: String {
        let (time, isOften) = self.timeWords
        let months = self.values(self.months, 1...12)
        let day = self.dayWords ?? (isOften ? nil : "every day")
        let month = months.count < 12 ? "in \(Self.list(months) { Self.monthNames[$0 - 1] })" : nil
        return [time, day, month].compactMap(\.self).joined(separator: " ")
    }

    private func values(_ bits: UInt64, _ range: ClosedRange<Int>) -> [Int] { range.filter { Self.has(bits, $0) } }

    /// The time of day, and whether that goes without saying that it is so every day.
    private var timeWords: (text: String, isOften: Bool) {
        let minutes = self.values(self.minutes, 0...59)
        let hours = self.values(self.hours, 0...23)
        if hours.count == 24 {
            if minutes.count == 60 { return ("every minute", true) }
            if minutes == [0] { return ("every hour", true) }
            if let step = Self.step(minutes, of: 60) { return ("every \(step) minutes", true) }
            return ("at minute \(Self.list(minutes)) of every hour", true)
        }
        if minutes == [0], let step = Self.step(hours, of: 24) { return ("every \(step) hours", true) }
        let ofHours = hours.count == 1 ? "of hour \(hours[0])" : "of the hours \(Self.list(hours))"
        if minutes.count == 60 { return ("every minute \(ofHours)", false) }
        if minutes.count * hours.count <= 6 {
            let times = hours.flatMap { hour in minutes.map { "\(Self.pad(hour)):\(Self.pad($0))" } }
            return ("at \(Self.join(times))", false)
        }
        return ("at minute \(Self.list(minutes)) \(ofHours)", false)
    }

    /// Which days; nil for all of them.
    private var dayWords: String? {
        let days = self.values(self.days, 1...31)
        let weekdays = self.values(self.weekdays, 0...6)
        let hasDays = days.count < 31
        let hasWeekdays = weekdays.count < 7
        let number = "day \(Self.list(days)) of the month"
        let names = Self.list(weekdays) { Self.weekdayNames[$0] }
        switch (hasDays, hasWeekdays) {
        case (true, true):
            return self.isEitherDay ? "on \(number), and on \(names)" : "on \(number) if that is \(names)"
        // One of them names all: then every day counts.
        case (true, false): return self.isEitherDay ? nil : "on \(number)"
        case (false, true): return self.isEitherDay ? nil : "on \(names)"
        case (false, false): return nil
        }
    }

    private static let weekdayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    private static let monthNames = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// The step of values that begin with 0 and go on past the end, if it divides that.
    private static func step(_ values: [Int], of count: Int) -> Int? {
        guard values.count > 1, values[0] == 0 else { return nil }
        let step = values[1]
        return count % step == 0 && values == Array(stride(from: 0, to: count, by: step)) ? step : nil
    }

    /// Three and more in a row as a range.
    private static func list(_ values: [Int], _ name: (Int) -> String = { "\($0)" }) -> String {
        var parts: [String] = []
        var index = 0
        while index < values.count {
            var end = index
            while end + 1 < values.count, values[end + 1] == values[end] + 1 { end += 1 }
            if end - index >= 2 {
                parts.append("\(name(values[index])) to \(name(values[end]))")
            } else {
                parts += values[index...end].map(name)
            }
            index = end + 1
        }
        return Self.join(parts)
    }

    private static func join(_ parts: [String]) -> String {
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
        return parts.dropLast().joined(separator: ", ") + " and " + last
    }

    private static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
