/// How a zone's clocks go on for ever, in the form of POSIX: `CET-1CEST,M3.5.0,M10.5.0/3`.
package struct ZoneRule: Sendable, Equatable {
    /// The day and the time of day of a change, in the time that holds until then.
    package struct Change: Sendable, Equatable {
        package enum Day: Sendable, Equatable {
            /// 1 to 365; 29 February is never counted.
            case withoutLeapDay(Int)
            /// 0 to 365.
            case ofYear(Int)
            /// 0 is Sunday; week 5 is the last.
            case ofMonth(month: Int, week: Int, weekday: Int)
        }
        package let day: Day
        /// Seconds; may be negative, or more than a day.
        package let time: Int

        /// Seconds since 1970, by the clock on the wall.
        package func wall(in year: Int) -> Int64 {
            let first = CivilDay(year: year, month: 1, day: 1).number
            let number: Int
            switch self.day {
            case .withoutLeapDay(let day): number = first + day - 1 + (CivilDay.isLeap(year) && day >= 60 ? 1 : 0)
            case .ofYear(let day): number = first + day
            case .ofMonth(let month, let week, let weekday):
                let start = CivilDay(year: year, month: month, day: 1).number
                let offset = (weekday - CivilDay.weekday(ofDay: start) + 7) % 7
                let day = offset + (week - 1) * 7
                number = start + (day < CivilDay.days(inMonth: month, of: year) ? day : day - 7)
            }
            return Int64(number) * 86_400 + Int64(self.time)
        }
    }

    package struct Summer: Sendable, Equatable {
        package let offset: Int
        package let start: Change
        package let end: Change
    }

    /// Seconds east of UTC.
    package let offset: Int
    package let summer: Summer?

    /// The changes of a year, in their order: when, and what holds from then on.
    package func changes(in year: Int) -> [(at: Int64, offset: Int)] {
        guard let summer else { return [] }
        let start = (at: summer.start.wall(in: year) - Int64(self.offset), offset: summer.offset)
        let end = (at: summer.end.wall(in: year) - Int64(summer.offset), offset: self.offset)
        return start.at < end.at ? [start, end] : [end, start]
    }

    /// Nil if it can not be read.
    package init?(_ text: some Sequence<UInt8>) {
        var reader = Reader(rest: Array(text)[...])
        guard reader.skipName(), let west = reader.time(most: 24) else { return nil }
        self.offset = -west
        if reader.rest.isEmpty {
            self.summer = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = self.offset + 3600
        if reader.rest.first != UInt8(ascii: ",") {
            guard let west = reader.time(most: 24) else { return nil }
            offset = -west
        }
        guard let start = reader.change(), let end = reader.change(), reader.rest.isEmpty else { return nil }
        self.summer = Summer(offset: offset, start: start, end: end)
    }

    /// Takes what it has read off the front.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Character) -> Bool {
            guard let octet = character.asciiValue, self.rest.first == octet else { return false }
            self.rest.removeFirst()
            return true
        }

        /// Such as `CET`, or `<+1030>`.
        mutating func skipName() -> Bool {
            if self.take("<") {
                guard let end = self.rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                self.rest = self.rest[(end + 1)...]
                return true
            }
            let letters = self.rest.prefix {
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
            }
            self.rest = self.rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = self.rest.prefix { (0x30...0x39).contains($0) }
            guard (1...3).contains(digits.count) else { return nil }
            self.rest = self.rest.dropFirst(digits.count)
            let value = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
            return range.contains(value) ? value : nil
        }

        /// In seconds: `2`, `-1:30`, `02:00:00`.
        mutating func time(most hours: Int) -> Int? {
            let isNegative = self.take("-")
            if !isNegative { _ = self.take("+") }
            guard let hour = self.number(0...hours) else { return nil }
            var seconds = hour * 3600
            for unit in [60, 1] where self.take(":") {
                guard let value = self.number(0...59) else { return nil }
                seconds += value * unit
            }
            return isNegative ? -seconds : seconds
        }

        /// Such as `,M3.5.0/3`.
        mutating func change() -> Change? {
            guard self.take(",") else { return nil }
            let day: Change.Day
            if self.take("M") {
                guard let month = self.number(1...12), self.take("."), let week = self.number(1...5), self.take("."),
                    let weekday = self.number(0...6)
                else { return nil }
                day = .ofMonth(month: month, week: week, weekday: weekday)
            } else if self.take("J") {
                guard let number = self.number(1...365) else { return nil }
                day = .withoutLeapDay(number)
            } else {
                guard let number = self.number(0...365) else { return nil }
                day = .ofYear(number)
            }
            guard self.take("/") else { return Change(day: day, time: 7200) }
            return self.time(most: 167).map { Change(day: day, time: $0) }
        }
    }
}
