/// One of the five fields of a cron expression: what it may say, and how that is read.
package struct CronField {
    package let name: String
    package let low: Int
    package let high: Int
    /// For `low` and what follows.
    package let words: [String]

    package static let all = [
        CronField(name: "minute", low: 0, high: 59, words: []),
        CronField(name: "hour", low: 0, high: 23, words: []),
        CronField(name: "day of the month", low: 1, high: 31, words: []),
        CronField(
            name: "month",
            low: 1,
            high: 12,
            words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        ),
        // Sunday is 0 and 7.
        CronField(
            name: "day of the week",
            low: 0,
            high: 7,
            words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        ),
    ]

    /// What a field says.
    package struct Values: Equatable {
        /// Bit n is value n.
        package var bits: UInt64 = 0
        /// It begins with `*`: it leaves the choice of the day to the other day field.
        package var isFree = false
        /// Numbers or names alone, without `*`, `/` and ranges.
        package var isPlain = true
    }

    /// A piece of the expression's text, and where it begins there.
    package struct Piece {
        package let letters: ArraySlice<Unicode.Scalar>

        package var place: Range<Int> { self.letters.startIndex..<self.letters.endIndex }
        package var text: String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: self.letters)
            return String(view)
        }

        package func split(_ separator: Unicode.Scalar, most: Int = .max) -> [Piece] {
            self.letters.split(separator: separator, maxSplits: most, omittingEmptySubsequences: false).map(Piece.init)
        }
    }

    package func read(_ field: Piece) throws(CronError) -> Values {
        var values = Values()
        values.isFree = field.letters.first == "*"
        for item in field.split(",") { try self.read(item, into: &values) }
        return values
    }

    private func read(_ item: Piece, into values: inout Values) throws(CronError) {
        let parts = item.split("/", most: 1)
        let bounds = try self.bounds(parts[0], hasStep: parts.count > 1, &values)
        var step = 1
        if parts.count > 1 {
            values.isPlain = false
            step = try self.step(parts[1])
        }
        // The bounds are checked: at most 60 values.
        for value in stride(from: bounds.lowerBound, through: bounds.upperBound, by: step) {
            values.bits |= 1 << UInt64(value == 7 && self.high == 7 ? 0 : value)
        }
    }

    private func bounds(
        _ piece: Piece,
        hasStep: Bool,
        _ values: inout Values
    ) throws(CronError) -> ClosedRange<Int> {
        if piece.text == "*" {
            values.isPlain = false
            return self.low...(self.high == 7 ? 6 : self.high)
        }
        let ends = piece.split("-", most: 1)
        let first = try self.value(ends[0])
        guard ends.count == 2 else {
            // `5/10`: from 5 to the field's end.
            return hasStep ? first...max(first, self.high == 7 ? 6 : self.high) : first...first
        }
        values.isPlain = false
        var last = try self.value(ends[1])
        // `sat-sun`
        if self.high == 7, last == 0, first > 0 { last = 7 }
        guard first <= last else {
            throw CronError(
                piece.place,
                "the range '\(piece.text)' ends before it begins",
                help: "write \(ends[0].text)-\(self.high),\(self.low)-\(ends[1].text)"
            )
        }
        return first...last
    }

    private func value(_ piece: Piece) throws(CronError) -> Int {
        let text = piece.text
        if text.isEmpty {
            throw CronError(piece.place, "the \(self.name) has a gap: a value is missing", help: self.range)
        }
        if let index = self.words.firstIndex(of: text.lowercased()) { return self.low + index }
        guard let number = Self.number(piece) else {
            if text == "?" { throw CronError(piece.place, "'?' is not known here", help: "write *") }
            let nearest = NearestName.of(text, among: self.words).map { "did you mean '\($0)'?" }
            throw CronError(piece.place, "the \(self.name) can not be \(quoted(text))", help: nearest ?? self.range)
        }
        guard (self.low...self.high).contains(number) else {
            throw CronError(piece.place, "the \(self.name) can not be \(text)", help: self.range)
        }
        return number
    }

    private func step(_ piece: Piece) throws(CronError) -> Int {
        let most = self.high - self.low
        guard let step = Self.number(piece), (1...most).contains(step) else {
            throw CronError(
                piece.place,
                "a step of the \(self.name) can not be \(quoted(piece.text))",
                help: "1 to \(most)"
            )
        }
        return step
    }

    private var range: String {
        self.words.isEmpty
            ? "\(self.low) to \(self.high)"
            : "\(self.low) to \(self.high), or \(self.words[0]) to \(self.words[self.words.count - 1])"
    }

    /// At most four digits: nothing longer is ever right.
    private static func number(_ piece: Piece) -> Int? {
        guard (1...4).contains(piece.letters.count) else { return nil }
        var number = 0
        for letter in piece.letters {
            guard ("0"..."9").contains(letter) else { return nil }
            number = number * 10 + Int(letter.value) - 48
        }
        return number
    }
}
