/// Hides secrets in a text and keeps its length: each hidden character becomes a `*`.
///
/// By sight alone, so that a text that is no YAML is covered too: passwords in URIs, and the values of names that say
/// secret. Rather too much is hidden than too little; what a tree knows better comes as spans.
package struct SecretMask {
    /// What is left to see.
    package private(set) var scalars: [Unicode.Scalar]
    /// No tree tells a secret mapping from a queue that is called `password-resets`.
    package let hidesMappings: Bool

    /// A file's text.
    ///
    /// - Parameters:
    ///   - scalars: All of it.
    ///   - spans: What its tree knows to be secret; nil if it has none.
    /// - Returns: As many characters.
    package static func masking(_ scalars: [Unicode.Scalar], spans: Set<SourceSpan>?) -> [Unicode.Scalar] {
        var mask = SecretMask(scalars: scalars, hidesMappings: spans == nil)
        for span in spans ?? [] where span.start >= 0 && span.start < scalars.count {
            mask.hideValue(span.start..<min(span.end, scalars.count))
        }
        mask.hideUserinfo()
        mask.hideNamedValues()
        return mask.scalars
    }

    /// A text of somebody else's in which a URI may stand.
    package static func maskingURIs(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ":")) else { return text }
        var mask = SecretMask(scalars: Array(text.unicodeScalars), hidesMappings: false)
        mask.hideUserinfo()
        return mask.text
    }

    /// A piece of text in a message.
    package static func masking(_ text: String) -> String {
        guard text.utf8.contains(where: { ":=".utf8.contains($0) }) else { return text }
        let masked = Self.masking(Array(text.unicodeScalars), spans: nil)
        return SecretMask(scalars: masked, hidesMappings: false).text
    }

    private var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: self.scalars)
        return String(view)
    }

    /// A whole value: its quotes stay.
    private mutating func hideValue(_ range: Range<Int>) {
        guard let first = self.scalars[range].first else { return }
        let isQuoted = range.count > 1 && Self.isQuote(first) && self.scalars[range.upperBound - 1] == first
        self.hide(isQuoted ? range.lowerBound + 1..<range.upperBound - 1 : range)
    }

    /// Line breaks and indentation stay, and so does a bare `${NAME}`: it gives nothing away, and a message may be about
    /// it.
    package mutating func hide(_ range: Range<Int>) {
        var index = range.lowerBound
        var isIndentation = false
        while index < range.upperBound {
            let scalar = self.scalars[index]
            if Self.isLineBreak(scalar) {
                isIndentation = true
            } else if scalar == "$", let variable = self.variable(at: index, before: range.upperBound) {
                for hidden in variable.value { self.scalars[hidden] = "*" }
                index = variable.end
                continue
            } else if !isIndentation || scalar != " " {
                isIndentation = false
                self.scalars[index] = "*"
            }
            index += 1
        }
    }

    /// `${NAME:-value}`: where its value is, and where it ends.
    private func variable(at start: Int, before limit: Int) -> (value: Range<Int>, end: Int)? {
        guard start + 3 < limit, self.scalars[start + 1] == "{", Self.isNameStart(self.scalars[start + 2]) else {
            return nil
        }
        var index = start + 2
        while index < limit, Self.isName(self.scalars[index]) { index += 1 }
        guard index < limit else { return nil }
        if self.scalars[index] == "}" { return (index..<index, index + 1) }
        guard index + 1 < limit, self.scalars[index] == ":", self.scalars[index + 1] == "-",
            let close = self.scalars[(index + 2)..<limit].firstIndex(of: "}")
        else { return nil }
        return (index + 2..<close, close + 1)
    }

    package static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool { scalar == "\n" || scalar == "\r" }
    package static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
    package static func isQuote(_ scalar: Unicode.Scalar) -> Bool { scalar == "\"" || scalar == "'" }
    package static func isDigit(_ scalar: Unicode.Scalar) -> Bool { (0x30...0x39).contains(scalar.value) }
    package static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        (0x41...0x5A).contains(scalar.value) || (0x61...0x7A).contains(scalar.value) || scalar == "_"
    }
    package static func isName(_ scalar: Unicode.Scalar) -> Bool {
        Self.isNameStart(scalar) || Self.isDigit(scalar) || scalar == "-" || scalar == "."
    }
}
