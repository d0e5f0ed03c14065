//! Which brokers hold the replicas of a new partition: Kafka's rule without racks
//! (`AdminUtils.assignReplicasToBrokersRackUnaware`), with a start that is known.

use kafsh_model::BrokerId;

/// Replicas of `count` partitions numbered from `first` on, preferred leader first. `brokers` are
/// in order and at least `factor`; `start` is the place among them of partition 0's leader.
pub(crate) fn assign(
    brokers: &[BrokerId],
    first: usize,
    count: usize,
    factor: usize,
    start: usize,
) -> Vec<Vec<BrokerId>> {
    let size = brokers.len();
    if size == 0 {
        return Vec::new();
    }
    // Each round over all brokers moves the followers on by one.
    let mut shift = start + first / size;
    let place = |partition: usize| {
        if partition > first && partition.is_multiple_of(size) {
            shift += 1;
        }
        let leader = (partition + start) % size;
        let follower = |index: usize| (leader + 1 + (shift + index) % (size - 1).max(1)) % size;
        let rest = (0..factor.saturating_sub(1)).map(follower);
        std::iter::once(leader).chain(rest).map(|index| brokers[index]).collect()
    };
    (first..first + count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The example in the comment of Kafka's own function.
    #[test]
    fn the_example_of_kafkas_source() {
        let brokers = [0, 1, 2, 3, 4];
        let placed = assign(&brokers, 0, 10, 3, 0);
        let expected: [[i32; 3]; 10] = [
            [0, 1, 2],
            [1, 2, 3],
            [2, 3, 4],
            [3, 4, 0],
            [4, 0, 1],
            [0, 2, 3],
            [1, 3, 4],
            [2, 4, 0],
            [3, 0, 1],
            [4, 1, 2],
        ];
        assert_eq!(placed, expected);
    }

    #[test]
    fn leaders_are_spread_and_no_replica_is_twice() {
        for size in 1..6_usize {
            let brokers: Vec<BrokerId> = (1..=size as i32).collect();
            for factor in 1..=size {
                for start in 0..size {
                    let placed = assign(&brokers, 0, 2 * size, factor, start);
                    for replicas in &placed {
                        let different: BTreeSet<_> = replicas.iter().collect();
                        assert_eq!((replicas.len(), different.len()), (factor, factor));
                    }
                    for id in &brokers {
                        assert_eq!(placed.iter().filter(|r| r[0] == *id).count(), 2);
                    }
                }
            }
        }
    }

    #[test]
    fn added_partitions_go_on_where_the_old_ones_end() {
        let all = assign(&[1, 2, 3], 0, 7, 2, 1);
        assert_eq!(assign(&[1, 2, 3], 4, 3, 2, 1), all[4..]);
    }
}
