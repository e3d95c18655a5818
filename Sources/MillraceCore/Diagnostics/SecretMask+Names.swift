/// `password: …`, `token=…`, `"api_key": …`, `Authorization: …`, `${DB_PASSWORD:-…}`.
extension SecretMask {
    /// Where in a line the scan is.
    private struct Place {
        var lineStart = 0
        /// The quote that is open.
        var quote: Unicode.Scalar?
        /// Brackets and braces that are open.
        var depth = 0

        mutating func pass(_ scalar: Unicode.Scalar, after last: Unicode.Scalar?, at index: Int) {
            if SecretMask.isLineBreak(scalar) {
                self = Place(lineStart: index + 1)
            } else if let quote {
                if scalar == quote { self.quote = nil }
            } else if SecretMask.isQuote(scalar) {
                // An apostrophe within a word opens nothing.
                if !(last.map(SecretMask.isName) ?? false) { self.quote = scalar }
            } else if scalar == "{" || scalar == "[" {
                self.depth += 1
            } else if scalar == "}" || scalar == "]" {
                self.depth -= 1
            }
        }
    }

    package mutating func hideNamedValues() {
        var place = Place()
        var index = 0
        while index < self.scalars.count {
            let last = index > 0 ? self.scalars[index - 1] : nil
            guard Self.isNameStart(self.scalars[index]), !(last.map(Self.isName) ?? false) else {
                place.pass(self.scalars[index], after: last, at: index)
                index += 1
                continue
            }
            let start = index
            while index < self.scalars.count, Self.isName(self.scalars[index]) { index += 1 }
            guard let separator = self.separator(after: index),
                SecretName.isSecret(String(String.UnicodeScalarView(self.scalars[start..<index])))
            else { continue }
            let value = self.next(separator + 1) { !Self.isBlank($0) }
            if self.scalars[index] == place.quote { place.quote = nil }  // the name's own
            let end = self.end(ofValue: value, separator: separator, name: start, place)
            self.hide(end.hidden)
            index = max(index, end.next)
        }
    }

    private func next(_ start: Int, where isWanted: (Unicode.Scalar) -> Bool) -> Int {
        guard start < self.scalars.count else { return self.scalars.count }
        return self.scalars[start...].firstIndex(where: isWanted) ?? self.scalars.count
    }

    /// The `:` or `=` after a name and its closing quote.
    private func separator(after name: Int) -> Int? {
        var index = name
        if index < self.scalars.count, Self.isQuote(self.scalars[index]) { index += 1 }
        index = self.next(index) { !Self.isBlank($0) }
        guard index < self.scalars.count else { return nil }
        if self.scalars[index] == "=" { return index }
        guard self.scalars[index] == ":" else { return nil }
        return self.scalars[(index + 1)...].starts(with: ["/", "/"]) ? nil : index
    }

    private func end(
        ofValue value: Int,
        separator: Int,
        name: Int,
        _ place: Place
    ) -> (hidden: Range<Int>, next: Int) {
        let lineEnd = self.next(value, where: Self.isLineBreak)
        let column = name - place.lineStart
        guard value < lineEnd, self.scalars[value] != "#" else {
            return (value..<self.endOfNested(lineEnd, column), lineEnd)
        }
        if name >= 2, self.scalars[name - 1] == "{", self.scalars[name - 2] == "$" {  // a variable's default
            let close = self.scalars[value..<lineEnd].firstIndex(of: "}") ?? lineEnd
            return (value..<close, close)
        }
        switch self.scalars[value] {
        case let quote where Self.isQuote(quote) && quote != place.quote:
            let end = self.endOfQuoted(value + 1, quote)
            return (value + 1..<end, min(end + 1, self.scalars.count))
        case "[":
            let end = self.end(ofFlow: value, "[", "]")
            return (value + 1..<end, end)
        case "{" where self.scalars[separator] == ":" && place.quote == nil:
            guard self.hidesMappings else { return (value..<value, value) }
            let end = self.end(ofFlow: value, "{", "}")
            return (value + 1..<end, end)
        case "&", "!":  // an anchor, a tag: what follows it on the line
            guard place.quote == nil, self.scalars[separator] == ":" else { break }
            let rest = self.next(self.next(value) { Self.isBlank($0) || Self.isLineBreak($0) }) { !Self.isBlank($0) }
            if rest < lineEnd {
                let end = self.end(ofValue: rest, separator: separator, name: name, place)
                return (value..<max(value, end.hidden.upperBound), end.next)
            }
            return (value..<self.endOfDeeper(lineEnd, column), lineEnd)
        default: break
        }
        return self.endOfPlain(value, lineEnd, isParameter: self.scalars[separator] == "=", column, place)
    }

    private func endOfPlain(
        _ value: Int,
        _ lineEnd: Int,
        isParameter: Bool,
        _ column: Int,
        _ place: Place
    ) -> (hidden: Range<Int>, next: Int) {
        if isParameter {
            var end = value
            while end < lineEnd, !Self.isBlank(self.scalars[end]), !Self.isQuote(self.scalars[end]),
                self.scalars[end] != ";", !self.isParameter(end)
            { end += 1 }
            return (value..<end, end)
        }
        if let quote = place.quote {
            let end = self.scalars[value..<lineEnd].firstIndex(of: quote) ?? lineEnd
            return (value..<end, end)
        }
        if place.depth > 0 {
            let end = self.endOfFlowScalar(value, lineEnd)
            return (value..<end, end)
        }
        let end = self.endOfDeeper(lineEnd, column)
        return (value..<end, end)
    }

    /// A comma ends it if another name follows; else it may stand in a password that nobody put in quotes.
    private func endOfFlowScalar(_ value: Int, _ lineEnd: Int) -> Int {
        var index = value
        while index < lineEnd {
            if self.scalars[index] == "}" || self.scalars[index] == "]" { return index }
            if self.scalars[index] == "," {
                var name = self.next(index + 1) { !Self.isBlank($0) }
                if name < lineEnd, Self.isQuote(self.scalars[name]) { name += 1 }
                let end = self.next(name) { !Self.isName($0) }
                if name >= lineEnd || end > name && self.separator(after: end) != nil { return index }
            }
            index += 1
        }
        return lineEnd
    }

    /// Whether a `&` begins another parameter and is no part of a password.
    private func isParameter(_ index: Int) -> Bool {
        guard self.scalars[index] == "&" else { return false }
        let end = self.next(index + 1) { !Self.isName($0) }
        guard (4..<40).contains(end - index), end < self.scalars.count, self.scalars[end] == "=" else { return false }
        let name = String(String.UnicodeScalarView(self.scalars[(index + 1)..<end]))
        return Self.parameters.contains(name) || NearestName.of(name, among: Self.parameters) != nil
    }

    /// Those of a broker's URI.
    private static let parameters = [
        "auth_mechanism", "channel_max", "connection_timeout", "frame_max", "heartbeat", "cacertfile", "certfile",
        "keyfile", "server_name_indication", "verify", "fail_if_no_peer_cert",
    ]

    private func endOfQuoted(_ start: Int, _ quote: Unicode.Scalar) -> Int {
        var index = start
        while index < self.scalars.count {
            if self.scalars[index] == quote {
                // YAML writes ' within '…' twice.
                guard quote == "'", index + 1 < self.scalars.count, self.scalars[index + 1] == quote else { break }
                index += 1
            } else if quote == "\"", self.scalars[index] == "\\" {
                index += 1
            }
            index += 1
        }
        return min(index, self.scalars.count)
    }

    private func end(ofFlow start: Int, _ opening: Unicode.Scalar, _ closing: Unicode.Scalar) -> Int {
        var depth = 0
        for index in start..<self.scalars.count {
            if self.scalars[index] == opening { depth += 1 }
            if self.scalars[index] == closing { depth -= 1 }
            if depth == 0 { return index }
        }
        return self.scalars.count
    }

    /// The end of the lines that belong to the value by their indentation; of a list they may stand below its name.
    private func endOfDeeper(_ lineEnd: Int, _ column: Int, isList: Bool = false) -> Int {
        var end = lineEnd
        while end < self.scalars.count {
            let content = self.next(end + 1) { $0 != " " }
            guard content < self.scalars.count else { return end }
            let indentation = content - end - 1
            let isItem = isList && indentation == column && self.scalars[content] == "-"
            if !Self.isLineBreak(self.scalars[content]), indentation <= column, !isItem { return end }
            end = self.next(content, where: Self.isLineBreak)
        }
        return end
    }

    /// Below a name that has nothing beside it: a list or a text is its value, a mapping's own names are looked at.
    private func endOfNested(_ lineEnd: Int, _ column: Int) -> Int {
        var content = self.next(lineEnd) { $0 != " " && !Self.isLineBreak($0) }
        guard content < self.scalars.count else { return lineEnd }
        let isList = self.scalars[content] == "-"
        let end = self.endOfDeeper(lineEnd, column, isList: isList)
        if isList { content = self.next(content + 1) { $0 != " " } }
        if content < self.scalars.count, Self.isQuote(self.scalars[content]) { content += 1 }
        let name = self.next(content) { !Self.isName($0) }
        let isMapping = name > content && self.separator(after: name) != nil
        // Jobs and queues with such names stand further to the left.
        return isMapping && (!self.hidesMappings || column <= 4) ? lineEnd : end
    }
}
