/// A day by the Gregorian calendar, without a time zone.
package struct CivilDay: Equatable, Sendable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day with this number, counted from 1970-01-01.
    package init(number: Int) {
        // Years begin in March here, so that the leap day is their last; an era has 400 of them.
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * month + 2) / 5 + 1
        self.month = month < 10 ? month + 3 : month - 9
        self.year = yearOfEra + era * 400 + (self.month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    package var number: Int {
        let year = self.month <= 2 ? self.year - 1 : self.year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (self.month > 2 ? self.month - 3 : self.month + 9) + 2) / 5 + self.day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is Sunday.
    package static func weekday(ofDay number: Int) -> Int { ((number + 4) % 7 + 7) % 7 }

    package static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// The most days that a month can have, the leap day among them.
    package static func mostDays(inMonth month: Int) -> Int {
        [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    package static func days(inMonth month: Int, of year: Int) -> Int {
        month == 2 && !Self.isLeap(year) ? 28 : Self.mostDays(inMonth: month)
    }

    /// Splits seconds into whole days and the rest, which is not negative.
    package static func split(_ seconds: Int64) -> (day: Int, second: Int) {
        let rest = Int((seconds % 86_400 + 86_400) % 86_400)
        return (Int((seconds - Int64(rest)) / 86_400), rest)
    }
}
