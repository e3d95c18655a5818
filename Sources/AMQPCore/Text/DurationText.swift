/// Durations as people write them: whole numbers, each with its unit, the largest first (`1h`, `1m30s`, `500ms`).
package enum DurationText {
    package enum Failure: Error { case noUnit, malformed, tooLong }

    private static let units: [(name: String, milliseconds: Int)] = [
        ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    package static func parse(_ text: String) -> Result<Duration, Failure> {
        var rest = text.utf8[...]
        if !rest.isEmpty, rest.allSatisfy(Self.isDigit) { return .failure(.noUnit) }
        var total = 0
        var lastUnit = -1
        repeat {
            let digits = rest.prefix(while: Self.isDigit)
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !Self.isDigit($0) }
            rest = rest.dropFirst(letters.count)
            guard !digits.isEmpty, let unit = Self.units.firstIndex(where: { $0.name.utf8.elementsEqual(letters) }),
                unit > lastUnit
            else { return .failure(.malformed) }
            lastUnit = unit
            guard let count = Int(String(Substring(digits))) else { return .failure(.tooLong) }
            let (product, isTooLong) = count.multipliedReportingOverflow(by: Self.units[unit].milliseconds)
            let (sum, isSumTooLong) = total.addingReportingOverflow(product)
            if isTooLong || isSumTooLong { return .failure(.tooLong) }
            total = sum
        } while !rest.isEmpty
        return .success(.milliseconds(total))
    }

    /// The same, written: what `parse` takes.
    package static func write(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        var text = ""
        for unit in Self.units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
