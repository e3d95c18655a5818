extension JobFile {
    /// The JSON Schema of a job file, by which editors check and complete one.
    ///
    /// What `millrace schema` prints.
    public static let schema = String(decoding: PackageResources.jobs_schema_json, as: UTF8.self)
}
