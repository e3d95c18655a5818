import AMQPCore

extension MappingReader {
    package func text(_ key: String) -> Located<String>? {
        self.node(key)?.text(key: key, log: self.log)
    }

    package func name(_ key: String, isEmptyAllowed: Bool = false) -> Located<String>? {
        self.node(key)?.name(key: key, log: self.log, isEmptyAllowed: isEmptyAllowed)
    }

    /// A scalar that is not text: quotes are refused, but for those that a variable in a flow mapping needs.
    private func plain(_ key: String, wants: String) -> Located<YAMLScalar>? {
        guard let scalar = self.scalar(key, wants: wants) else { return nil }
        if scalar.value.style == .plain || scalar.value.isWholeVariable { return scalar }
        self.log.error(.wrongType, scalar.span, "'\(key)' is \(wants), not text", help: "leave the quotes out")
        return nil
    }

    package func bool(_ key: String) -> Located<Bool>? {
        guard let scalar = self.plain(key, wants: "true or false") else { return nil }
        if case .bool(let value) = PlainScalar(scalar.value.text) { return Located(value, scalar.span) }
        let meant = ["yes": "true", "on": "true", "no": "false", "off": "false"][scalar.value.text.lowercased()]
        self.log.error(
            .wrongType,
            scalar.span,
            "'\(key)' is true or false, not \(self.log.quoted(scalar.value.text, at: scalar.span))",
            help: meant.map { "write \($0)" }
        )
        return nil
    }

    package func int(_ key: String, in range: ClosedRange<Int>) -> Located<Int>? {
        guard let scalar = self.plain(key, wants: "a whole number") else { return nil }
        switch PlainScalar(scalar.value.text) {
        case .int(let value) where range.contains(Int(clamping: value)):
            return Located(Int(clamping: value), scalar.span)
        case .int, .hugeNumber:
            self.reportRange(key, scalar, "\(range.lowerBound)", range.upperBound == .max ? nil : "\(range.upperBound)")
        default:
            self.log.error(
                .wrongType,
                scalar.span,
                "'\(key)' is a whole number, not \(self.log.quoted(scalar.value.text, at: scalar.span))"
            )
        }
        return nil
    }

    package func double(_ key: String, in range: ClosedRange<Double>) -> Located<Double>? {
        guard let scalar = self.plain(key, wants: "a number") else { return nil }
        let value: Double
        switch PlainScalar(scalar.value.text) {
        case .int(let number): value = Double(number)
        case .double(let number): value = number
        case .hugeNumber: value = .infinity
        default:
            let shown = self.log.quoted(scalar.value.text, at: scalar.span)
            self.log.error(.wrongType, scalar.span, "'\(key)' is a number, not \(shown)")
            return nil
        }
        if range.contains(value) { return Located(value, scalar.span) }
        self.reportRange(key, scalar, "\(range.lowerBound)", "\(range.upperBound)")
        return nil
    }

    private func reportRange(_ key: String, _ scalar: Located<YAMLScalar>, _ low: String, _ high: String?) {
        let help = high.map { "\(low) to \($0)" } ?? "at least \(low)"
        let shown = self.log.quoted(scalar.value.text, at: scalar.span)
        self.log.error(.outOfRange, scalar.span, "'\(key)' cannot be \(shown)", help: help)
    }

    /// A duration with its unit.
    ///
    /// Quotes do not matter: it is text either way.
    package func duration(_ key: String, in range: ClosedRange<Duration>) -> Located<Duration>? {
        guard let scalar = self.scalar(key, wants: "a duration") else { return nil }
        switch DurationText.parse(scalar.value.text) {
        case .failure(.noUnit):
            self.log.error(.durationUnit, scalar.span, "a duration needs a unit", help: "write 30s, 500ms or 2m")
        case .failure(.malformed):
            self.log.error(
                .badDuration,
                scalar.span,
                "'\(key)' is a duration, not \(self.log.quoted(scalar.value.text, at: scalar.span))",
                help: "write 500ms, 30s, 2m, 1h or 1m30s"
            )
        case .success(let value) where range.contains(value):
            return Located(value, scalar.span)
        case .success, .failure(.tooLong):
            self.reportRange(
                key,
                scalar,
                DurationText.write(range.lowerBound),
                DurationText.write(range.upperBound)
            )
        }
        return nil
    }

    /// One of a few words.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        _: Choice.Type,
        notYet: [String: String] = [:]
    ) -> Located<Choice>? where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue)
        guard let word = self.scalar(key, wants: words.joined(separator: " or ")) else { return nil }
        if let choice = Choice(rawValue: word.value.text) { return Located(choice, word.span) }
        if let advice = notYet[word.value.text] {
            let message = "\(key): \(self.log.shown(word.value.text, at: word.span)) is not supported in this version"
            self.log.error(.notYet, word.span, message, help: advice)
        } else {
            self.reportUnknown(key, word.map(\.text), words)
        }
        return nil
    }

    package func reportUnknown(_ key: String, _ word: Located<String>, _ words: [String]) {
        let nearest = NearestName.of(word.value, among: words).map { "did you mean '\($0)'?" }
        self.log.error(
            .unknownValue,
            word.span,
            "'\(key)' cannot be \(self.log.quoted(word.value, at: word.span))",
            help: nearest ?? "write \(words.joined(separator: " or "))"
        )
    }
}
