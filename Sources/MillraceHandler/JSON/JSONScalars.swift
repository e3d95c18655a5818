/// Values that are no containers, each checked against the type that is asked for.
extension JSONValue {
    func bool(at path: @autoclosure () -> CodingPath?) throws -> Bool {
        guard case .bool(let flag) = self else { throw self.mismatch(Bool.self, "a boolean", path()) }
        return flag
    }

    func text(at path: @autoclosure () -> CodingPath?) throws -> String {
        guard case .string(let text) = self else { throw self.mismatch(String.self, "a string", path()) }
        return text
    }

    /// Exact: a fraction, or a number that the type can not hold, is an error.
    ///
    /// JSON does not tell 3 from 3.0 or 3e0, so these are whole numbers too, below 2^53: from there on a double may
    /// have lost the last digit.
    func integer<T: FixedWidthInteger>(_ type: T.Type, at path: @autoclosure () -> CodingPath?) throws -> T {
        switch self {
        case .int(let number):
            if let fitting = T(exactly: number) { return fitting }
            throw Self.corrupted("\(number) does not fit in \(T.self)", path())
        case .unsigned(let number):
            if let fitting = T(exactly: number) { return fitting }
            throw Self.corrupted("\(number) does not fit in \(T.self)", path())
        case .double(let number):
            guard number.rounded(.towardZero) == number else {
                throw Self.corrupted("expected a whole number, got \(number)", path())
            }
            guard let fitting = T(exactly: number) else {
                throw Self.corrupted("\(number) does not fit in \(T.self)", path())
            }
            if abs(number) < 0x1p53 { return fitting }
            throw Self.corrupted("from 2^53 on a whole number is exact only without point and exponent", path())
        default: throw self.mismatch(T.self, "a whole number", path())
        }
    }

    /// The nearest there is; a number beyond the largest is an error.
    func real<T: BinaryFloatingPoint>(_ type: T.Type, at path: @autoclosure () -> CodingPath?) throws -> T {
        let number: T
        switch self {
        case .int(let whole): number = T(whole)
        case .unsigned(let whole): number = T(whole)
        case .double(let double): number = T(double)
        default: throw self.mismatch(T.self, "a number", path())
        }
        guard number.isFinite else { throw Self.corrupted("a number that does not fit in \(T.self)", path()) }
        return number
    }

    /// An error that says what was expected and what is there.
    func mismatch(_ type: any Any.Type, _ expected: String, _ path: CodingPath?) -> DecodingError {
        let context = DecodingError.Context(
            codingPath: CodingPath.keys(path),
            debugDescription: "expected \(expected), got \(self.kind)"
        )
        return self == .null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    private static func corrupted(_ reason: String, _ path: CodingPath?) -> DecodingError {
        .dataCorrupted(.init(codingPath: CodingPath.keys(path), debugDescription: reason))
    }
}
