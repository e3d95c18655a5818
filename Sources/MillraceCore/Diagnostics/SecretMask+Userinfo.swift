/// `scheme://user:password@host`.
extension SecretMask {
    package mutating func hideUserinfo() {
        var start = 0
        while start < self.scalars.count {
            let end = self.scalars[start...].firstIndex(where: Self.isLineBreak) ?? self.scalars.count
            self.hideUserinfo(inLine: start..<end)
            start = end + 1
        }
    }

    private mutating func hideUserinfo(inLine line: Range<Int>) {
        var marks: [Int] = []  // where "://" stands
        for index in line.dropLast(2)
        where self.scalars[index] == ":" && self.scalars[index + 1] == "/" && self.scalars[index + 2] == "/" {
            marks.append(index)
        }
        for (number, mark) in marks.enumerated() {
            var end = line.upperBound
            if number + 1 < marks.count {
                end = marks[number + 1]
                while end > mark + 3, Self.isName(self.scalars[end - 1]) { end -= 1 }
            }
            self.hideUserinfo(mark, mark + 3..<max(end, mark + 3))
        }
    }

    /// Up to the next URI of the line: a password may hold blanks, quotes, and an `@` that nobody escaped.
    private mutating func hideUserinfo(_ mark: Int, _ uri: Range<Int>) {
        if let at = self.scalars[uri].lastIndex(of: "@") {
            if let colon = self.scalars[uri.lowerBound..<at].firstIndex(of: ":") {
                self.hide(colon + 1..<at)
            } else if !self.isAMQP(mark) {
                self.hide(uri.lowerBound..<at)  // a token in the user's place
            }
            return
        }
        // Without an @ what stands where a port belongs may be a password.
        let isBracketed = uri.isEmpty || self.scalars[uri.lowerBound] == "["
        let host = isBracketed ? self.scalars[uri].firstIndex(of: "]") ?? uri.upperBound : uri.lowerBound
        let end = self.scalars[host..<uri.upperBound].firstIndex(where: Self.endsAuthority) ?? uri.upperBound
        let authority = host..<end
        guard let colon = self.scalars[authority].firstIndex(of: ":") else { return }
        let port = self.scalars[(colon + 1)..<authority.upperBound]
        guard !port.isEmpty, port.count > 5 || !port.allSatisfy(Self.isDigit) else { return }
        let rest = self.scalars[(colon + 1)..<uri.upperBound]
        self.hide(colon + 1..<(rest.firstIndex { Self.isBlank($0) || Self.isQuote($0) } ?? uri.upperBound))
    }

    private func isAMQP(_ mark: Int) -> Bool {
        var start = mark
        while start > 0, Self.isName(self.scalars[start - 1]) { start -= 1 }
        let scheme = String(String.UnicodeScalarView(self.scalars[start..<mark])).lowercased()
        return scheme == "amqp" || scheme == "amqps"
    }

    private static func endsAuthority(_ scalar: Unicode.Scalar) -> Bool {
        "/?#,]}".unicodeScalars.contains(scalar) || Self.isBlank(scalar) || Self.isQuote(scalar)
    }
}
