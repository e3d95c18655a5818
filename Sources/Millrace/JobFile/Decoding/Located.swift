/// A value and where it stands.
package struct Located<Value> {
    package var value: Value
    package var span: SourceSpan

    package init(_ value: Value, _ span: SourceSpan) {
        self.value = value
        self.span = span
    }

    package func map<Other>(_ transform: (Value) -> Other) -> Located<Other> {
        Located<Other>(transform(self.value), self.span)
    }
}

extension Located: Sendable where Value: Sendable {}
