/// When something is to happen, in cron's five fields: minute, hour, day of the month, month, day of the week.
///
/// A value. What a field may say, which days count when both day fields say something, and what becomes of a time that a
/// change of the clocks skips or doubles is in the guide about schedules.
package struct CronExpression: Sendable, Equatable {
    /// As it was written.
    package let text: String
    package let minutes: UInt64
    package let hours: UInt64
    package let days: UInt64
    package let months: UInt64
    package let weekdays: UInt64
    /// Both day fields choose: a day that one of them names counts.
    package let isEitherDay: Bool
    /// Minute and hour are numbers: it means a time of the clock on the wall, and not a stretch of real time.
    package let isFixedTime: Bool

    /// Longer ones are refused unread.
    private static let longest = 256

    private static let names: [(word: String, fields: String)] = [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"),
    ]

    /// - Parameter text: Five fields, or a word such as `@daily`.
    /// - Throws: What is wrong, and where.
    package init(_ text: String) throws(CronError) {
        self.text = text
        let letters = Array(text.unicodeScalars)
        let all = 0..<max(letters.count, 1)
        guard letters.count <= Self.longest else {
            throw CronError(all, "a cron expression has at most \(Self.longest) characters")
        }
        let fields = try Self.fields(of: letters, all)
        self.minutes = fields[0].bits
        self.hours = fields[1].bits
        self.days = fields[2].bits
        self.months = fields[3].bits
        self.weekdays = fields[4].bits
        self.isEitherDay = !fields[2].isFree && !fields[4].isFree
        self.isFixedTime = fields[0].isPlain && fields[1].isPlain
        if !self.isEitherDay, !self.hasDay {
            let pieces = Self.pieces(letters)
            let place = pieces.count == 5 ? pieces[2].place : all
            throw CronError(place, "no month that it names has such a day", help: "it would never happen")
        }
    }

    private static func pieces(_ letters: [Unicode.Scalar]) -> [CronField.Piece] {
        letters[...].split { $0 == " " || $0 == "\t" }.map(CronField.Piece.init)
    }

    private static func fields(
        of letters: [Unicode.Scalar],
        _ all: Range<Int>
    ) throws(CronError) -> [CronField.Values] {
        var pieces = Self.pieces(letters)
        if pieces.count == 1, pieces[0].letters.first == "@" {
            let word = pieces[0].text.lowercased()
            guard let known = Self.names.first(where: { $0.word == word }) else {
                let nearest = NearestName.of(word, among: Self.names.map(\.word)).map { "did you mean '\($0)'?" }
                throw CronError(
                    pieces[0].place,
                    "\(quoted(pieces[0].text)) is not known",
                    help: nearest ?? "the words are \(Self.names.map(\.word).joined(separator: ", "))"
                )
            }
            pieces = Self.pieces(Array(known.fields.unicodeScalars))
        }
        guard pieces.count == 5 else {
            let help =
                pieces.count == 6
                ? "there is no field for seconds; every: 10s goes by seconds"
                : "minute, hour, day of the month, month, day of the week"
            throw CronError(all, "a cron expression has five fields, this has \(pieces.count)", help: help)
        }
        var fields: [CronField.Values] = []
        for (field, piece) in zip(CronField.all, pieces) { fields.append(try field.read(piece)) }
        return fields
    }

    /// Whether any month that it names has a day that it names.
    private var hasDay: Bool {
        (1...12).contains { month in
            Self.has(self.months, month)
                && (1...CivilDay.mostDays(inMonth: month)).contains { Self.has(self.days, $0) }
        }
    }

    package static func has(_ bits: UInt64, _ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }

    /// Whether it happens on a day, counted from 1970-01-01.
    package func includes(day number: Int) -> Bool {
        let day = CivilDay(number: number)
        guard Self.has(self.months, day.month) else { return false }
        let isDay = Self.has(self.days, day.day)
        let isWeekday = Self.has(self.weekdays, CivilDay.weekday(ofDay: number))
        return self.isEitherDay ? isDay || isWeekday : isDay && isWeekday
    }

    /// The first minute of a day that it names, from this one on.
    package func firstMinute(from minute: Int) -> Int? {
        guard minute < 1440 else { return nil }
        for hour in (minute / 60)..<24 where Self.has(self.hours, hour) {
            let first = hour == minute / 60 ? minute % 60 : 0
            if let found = (first..<60).first(where: { Self.has(self.minutes, $0) }) { return hour * 60 + found }
        }
        return nil
    }

    /// A day that comes rarely: 29 February on a Sunday comes every 40 years at most.
    private static let mostDays = 366 * 41

    /// The first time that it names, as the clock on the wall shows it, from this one on.
    ///
    /// - Parameters:
    ///   - wall: Seconds since 1970 as if the wall's clock were UTC.
    ///   - limit: Nothing after this is looked for.
    /// - Returns: The same, of a whole minute; nil if there is none.
    package func first(from wall: Int64, to limit: Int64 = .max) -> Int64? {
        let (start, second) = CivilDay.split(wall)
        var from = (second + 59) / 60
        for day in start..<(start + Self.mostDays) {
            guard Int64(day) * 86_400 <= limit else { return nil }
            if self.includes(day: day), let minute = self.firstMinute(from: from) {
                let found = Int64(day) * 86_400 + Int64(minute) * 60
                return found <= limit ? found : nil
            }
            from = 0
        }
        return nil
    }
}
