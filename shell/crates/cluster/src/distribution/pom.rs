//! The Maven project whose runtime dependencies are the jars of one Kafka version.

/// Coordinates beside Kafka's own, for versions whose jars bring no logging back end.
const LOG4J2: [(&str, &str, &str); 2] = [
    ("org.apache.logging.log4j", "log4j-core", "2.24.3"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3"),
];

/// `version` has been checked: digits, dots and letters only.
pub(super) fn text(version: &str) -> String {
    // kafka-tools brings SLF4J's binding up to 3.9; kafka_2.13 alone would be silent.
    let mut dependencies = vec![
        ("org.apache.kafka", "kafka_2.13", version),
        ("org.apache.kafka", "kafka-tools", version),
    ];
    if super::major(version) >= 4 {
        dependencies.extend(LOG4J2);
    }
    let dependencies: String = dependencies
        .iter()
        .map(|(group, artifact, version)| {
            format!(
                "    <dependency>\n      <groupId>{group}</groupId>\n      \
                 <artifactId>{artifact}</artifactId>\n      <version>{version}</version>\n    \
                 </dependency>\n"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <project>\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>kafsh</groupId>\n  \
         <artifactId>kafka-jars</artifactId>\n  <version>1</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n\
         </project>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_kafka_and_a_logging_back_end() {
        let three = text("3.9.2");
        assert!(three.contains("<artifactId>kafka-tools</artifactId>\n      <version>3.9.2<"));
        assert!(!three.contains("log4j"));
        assert!(text("4.2.0").contains("log4j-slf4j-impl"));
    }
}
