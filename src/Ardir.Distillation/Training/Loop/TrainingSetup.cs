using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What a trainer was made with.</summary>
/// <param name="Student">The network that is trained.</param>
/// <param name="Networks">All other networks, by role.</param>
/// <param name="Loss">The objective.</param>
/// <param name="Options">The options.</param>
/// <param name="Crafting">How the adversarial images that the objective needs are made.</param>
internal sealed record TrainingSetup(
    nn.Module<Tensor, Tensor> Student, IReadOnlyDictionary<NetworkRole, IModule> Networks, IDistillationLoss Loss, TrainerOptions Options,
    CraftingPlan Crafting)
{
    /// <summary>The processes of the run.</summary>
    public Ranks Ranks { get; } = new(Options.Collective);

    /// <summary>Where the run takes place.</summary>
    public Device Device => Options.Device ?? Student.parameters().First().device;

    /// <summary>The teacher and the second, ordinarily trained one as networks by role; null for none.</summary>
    public static Dictionary<NetworkRole, IModule> NetworksOf(IModule? teacher, IModule? standardTeacher)
    {
        var networks = new Dictionary<NetworkRole, IModule>();
        if (teacher is not null) networks[NetworkRole.Teacher] = teacher;
        if (standardTeacher is not null) networks[NetworkRole.StandardTeacher] = standardTeacher;
        return networks;
    }

    /// <summary>Whether a network belongs to what the loss keeps, such as an average of the student: its weights change during the run and
    /// are saved with those of the loss.</summary>
    public static bool IsKeptBy(IDistillationLoss loss, IModule network) =>
        SharedModules.Find(loss.Trainable, network as nn.Module) is not null;

    /// <summary>Moves the networks, and what the loss trains, to the device of the run.</summary>
    public void ToDevice()
    {
        if (Options.Device is { } device)
        {
            Student.to(device);
            foreach (var network in Networks.Values) (network as nn.Module)?.to(device);
        }
        Loss.Trainable?.to(Device);
    }
}
