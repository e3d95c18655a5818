import CLibYAML

/// The one place that talks to libyaml: bytes in, events out.
package enum YAMLEventReader {
    /// Reads events until the text ends, the parser gives up, or `body` returns false.
    ///
    /// The bytes are UTF-8 without a byte order mark, so that the parser's offsets are those of `SourceText`.
    package static func read(_ bytes: ArraySlice<UInt8>, _ body: (YAMLEvent) -> Bool) -> YAMLSyntaxError? {
        // libyaml keeps pointers into its own struct, so the struct must not move: it lives on the heap.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            return YAMLSyntaxError(problem: "out of memory", offset: 0, context: nil, contextOffset: 0)
        }
        defer { yaml_parser_delete(parser) }
        return bytes.withUnsafeBufferPointer { input in  // the parser reads from it only within this closure
            guard let base = input.baseAddress else { return nil }
            yaml_parser_set_input_string(parser, base, input.count)
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            return Self.run(parser, body)
        }
    }

    private static func run(
        _ parser: UnsafeMutablePointer<yaml_parser_t>,  // valid and initialized: only `read` calls this
        _ body: (YAMLEvent) -> Bool
    ) -> YAMLSyntaxError? {
        while true {
            var raw = yaml_event_t()
            guard yaml_parser_parse(parser, &raw) == 1 else { return Self.failure(of: parser.pointee) }
            defer { yaml_event_delete(&raw) }
            if raw.type == YAML_STREAM_END_EVENT || raw.type == YAML_NO_EVENT { return nil }
            if let event = Self.event(raw), !body(event) { return nil }
        }
    }

    private static func failure(of parser: yaml_parser_t) -> YAMLSyntaxError {
        YAMLSyntaxError(
            problem: parser.problem.map { String(cString: $0) } ?? "the parser gave up",
            offset: Int(clamping: parser.problem_mark.index),
            context: parser.context.map { String(cString: $0) },
            contextOffset: Int(clamping: parser.context_mark.index)
        )
    }

    private static func event(_ raw: yaml_event_t) -> YAMLEvent? {
        let span = SourceSpan(start: Int(clamping: raw.start_mark.index), end: Int(clamping: raw.end_mark.index))
        switch raw.type {
        case YAML_DOCUMENT_START_EVENT:
            return YAMLEvent(.documentStart, span: span)
        case YAML_ALIAS_EVENT:
            return YAMLEvent(.alias(Self.text(raw.data.alias.anchor) ?? ""), span: span)
        case YAML_SCALAR_EVENT:
            let data = raw.data.scalar
            let value = UnsafeBufferPointer(start: data.value, count: data.length)  // the event's, until deleted
            let scalar = YAMLScalar(text: String(decoding: value, as: UTF8.self), style: Self.style(data.style))
            return YAMLEvent(.scalar(scalar), span: span, anchor: Self.text(data.anchor), tag: Self.text(data.tag))
        case YAML_SEQUENCE_START_EVENT:
            let data = raw.data.sequence_start
            return YAMLEvent(.sequenceStart, span: span, anchor: Self.text(data.anchor), tag: Self.text(data.tag))
        case YAML_MAPPING_START_EVENT:
            let data = raw.data.mapping_start
            return YAMLEvent(.mappingStart, span: span, anchor: Self.text(data.anchor), tag: Self.text(data.tag))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            return YAMLEvent(.collectionEnd, span: span)
        default:
            return nil
        }
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLScalar.Style {
        switch style {
        case YAML_PLAIN_SCALAR_STYLE: .plain
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
        default: .quoted
        }
    }

    /// Copies a string of libyaml's: it ends with NUL and lives as long as its event.
    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }
}
