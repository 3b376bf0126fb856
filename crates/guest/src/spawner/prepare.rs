//! What the spawner makes before its first sandbox: its user namespace, its groups, and the root file system.

use std::fs::{self, File};

use isol8_protocol::{FromSpawner, RootPlan, ToSpawner};
use nix::{
    sched::{CloneFlags, unshare},
    sys::prctl,
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};

use super::{
    control::{Control, Packet},
    failure::{Failure, Trying},
    files::Files,
    groups::Groups,
    network::Networks,
    root,
    sandbox::Workshop,
    users::{PART_OF_OWNER, Users},
};

/// The most inotify instances and watches of one user. Each user namespace has its own values.
const MOST_WATCHED: [&str; 2] = [
    "/proc/sys/user/max_inotify_instances",
    "/proc/sys/user/max_inotify_watches",
];

/// Receives the files and the plan of the root, and makes it. `None`: the host has ended.
pub(super) fn prepare(control: &mut Control) -> Result<Option<Workshop>, Failure> {
    let mut files = None;
    let (plan, files) = loop {
        let Some(packet) = control.receive()? else {
            return Ok(None);
        };
        match (packet.message, packet.descriptor) {
            (ToSpawner::Files(lengths), Some(contents)) => {
                files = Some(Files::new(lengths, contents));
            }
            (ToSpawner::Prepare(plan), _) => match files {
                Some(files) => break (plan, files),
                None => return Err(Failure::new("the plan of the root before its files")),
            },
            _ => return Err(Failure::new("an order before the plan of the root")),
        }
    };
    if plan.own_users && !enter_own_users(control)? {
        return Ok(None);
    }
    let (workshop, lacks) = make_workshop(&plan, &files)?;
    control.send(&FromSpawner::Ready { lacks });
    Ok(Some(workshop))
}

/// Enters a user namespace whose users the host maps. False: the host has ended.
fn enter_own_users(control: &mut Control) -> Result<bool, Failure> {
    let of_user = MOST_WATCHED.map(|file| fs::read_to_string(file).unwrap_or_default());
    unshare(CloneFlags::CLONE_NEWUSER).trying("make a user namespace")?;
    control.send(&FromSpawner::NeedsUsers);
    match control.receive()? {
        None => Ok(false),
        Some(Packet {
            message: ToSpawner::UsersMapped,
            ..
        }) => {
            let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
            setgroups(&[]).trying("leave all groups")?;
            setresgid(group, group, group).trying("become the root group")?;
            setresuid(user, user, user).trying("become root")?;
            // A change of user makes the files of this process root's alone, those of its namespaces among them.
            prctl::set_dumpable(true).trying("prepare the process")?;
            limit_watchers(&of_user)?;
            Ok(true)
        }
        Some(_) => Err(Failure::new("an order before the users are mapped")),
    }
}

/// Leaves a sandbox a part of what the user whose namespace this is may have: that user pays for it.
fn limit_watchers(of_user: &[String; 2]) -> Result<(), Failure> {
    for (file, most) in MOST_WATCHED.iter().zip(of_user) {
        // A system without inotify has neither.
        if let Ok(most) = most.trim().parse::<u64>() {
            fs::write(file, (most / PART_OF_OWNER).to_string())
                .trying(format_args!("set {file}"))?;
        }
    }
    Ok(())
}

fn make_workshop(plan: &RootPlan, files: &Files) -> Result<(Workshop, Vec<String>), Failure> {
    let program = File::open("/proc/self/exe").trying("open the spawner's program")?;
    let networks = Networks::new(!plan.own_users)?;
    let groups = Groups::make(plan.groups.clone())?;
    let (layers, lacks) = root::build(plan, files, &groups)?;
    let workshop = Workshop {
        groups,
        layers,
        users: Users::new(plan.first_user, plan.slots, plan.own_users),
        networks,
        program,
    };
    Ok((workshop, lacks))
}
