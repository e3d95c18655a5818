/// A duration as the job file has it everywhere: whole numbers, each with its unit, the largest first.
package enum OptionDuration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// - Returns: Nil for what is none, or too long to count.
    static func parse(_ text: String) -> Duration? {
        var rest = text.utf8[...]
        var units = Self.units[...]
        var total: Int64 = 0
        repeat {
            // Int64 alone would take a sign too.
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !(0x30...0x39).contains($0) }
            rest = rest.dropFirst(letters.count)
            guard let index = units.firstIndex(where: { $0.name.utf8.elementsEqual(letters) }),
                let count = Int64(String(Substring(digits)))
            else { return nil }
            let (product, isTooLong) = count.multipliedReportingOverflow(by: units[index].milliseconds)
            let (sum, isSumTooLong) = total.addingReportingOverflow(product)
            if isTooLong || isSumTooLong { return nil }
            total = sum
            units = units[(index + 1)...]
        } while !rest.isEmpty
        return .milliseconds(total)
    }

    /// What `parse` takes.
    package static func write(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        var text = ""
        for unit in Self.units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }
}
