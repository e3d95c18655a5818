/// Why the parser gave up, in its own words, and where.
package struct YAMLSyntaxError: Sendable, Equatable {
    package var problem: String
    package var offset: Int
    package var context: String?
    package var contextOffset: Int
}
