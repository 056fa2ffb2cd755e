using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What a trainer refuses before any work. Changes no network.</summary>
internal static class SetupGuard
{
    public static TrainingSetup Check(
        nn.Module<Tensor, Tensor> student, IReadOnlyDictionary<NetworkRole, IModule> networks, IDistillationLoss loss,
        TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(networks);
        ArgumentNullException.ThrowIfNull(loss);
        options.Validate();
        Needs(networks, loss);
        Unused(loss);
        var plan = CraftingPlan.Of(options.Crafting, loss, networks.GetValueOrDefault(NetworkRole.Teacher));
        if (!student.parameters().Any(parameter => parameter.requires_grad))
            throw new ArgumentException("The student has no parameter that requires a gradient.", nameof(student));
        foreach (var (role, network) in networks) Separate(student, role, network, loss);
        StudentGuard.Precision(student, options);
        if (SharedModules.Find(loss.Trainable, student) is { } common) throw TrainsANetwork(loss, common);
        if (!ReferenceEquals(loss.Trainable, loss.Trainable))
            throw new ArgumentException(
                $"The loss {loss.Name} returns another module from Trainable at each call, so what is trained would not be what it uses. " +
                "Make the module once, in the constructor.", nameof(loss));
        // A copy, so that a run does not change with the caller's dictionary.
        var setup = new TrainingSetup(
            student, new Dictionary<NetworkRole, IModule>(networks), loss, Ranks.OptionsOf(options), plan);
        // Refused now, and not after the hours that a resumed run would have saved.
        if (options.CheckpointDirectory is not null || setup.Ranks.AreSeveral) RunIdentity.OfOptions(setup);
        return setup;
    }

    private static void Needs(IReadOnlyDictionary<NetworkRole, IModule> networks, IDistillationLoss loss)
    {
        if (loss.Needs.Passes.All(pass => pass.Network != NetworkRole.Student))
            throw new ArgumentException($"The loss {loss.Name} needs no pass of the student, so it cannot train one.", nameof(loss));
        if (networks.ContainsKey(NetworkRole.Student))
            throw new ArgumentException("The student is passed on its own, not among the other networks.", nameof(networks));
        foreach (var role in loss.Needs.Networks.Where(role => networks.GetValueOrDefault(role) is null))
        {
            var (parameter, remedy) = role == NetworkRole.Teacher ? ("teacher", "pass it as teacher")
                : role == NetworkRole.StandardTeacher ? ("standardTeacher", "pass it as standardTeacher")
                : (nameof(networks), $"pass it among the networks, under its role; given: {Given(networks)}");
            throw new ArgumentNullException(parameter, $"The loss {loss.Name} needs a {role}: {remedy}.");
        }
    }

    private static string Given(IReadOnlyDictionary<NetworkRole, IModule> networks) =>
        networks.Count == 0 ? "none" : string.Join(", ", networks.Keys.Select(role => $"'{role}'"));

    // What a loss says about images or networks that no pass of it has would be ignored, for example after a typing error.
    private static void Unused(IDistillationLoss loss)
    {
        var needs = loss.Needs;
        if (needs.InnerMaximizations.Keys.FirstOrDefault(images => !needs.CraftedImages.Contains(images)) is { } images)
            throw new ArgumentException(
                $"The loss {loss.Name} says in InnerMaximizations how {images} are crafted, which no pass of it sees. Declare the pass, " +
                "or leave the entry out.", nameof(loss));
        if (needs.Layers.Keys.FirstOrDefault(role => needs.Passes.All(pass => pass.Network != role)) is { } network)
            throw new ArgumentException(
                $"The loss {loss.Name} names layers of the {network}, of which it declares no pass. Declare the pass, or leave the " +
                "layers out.", nameof(loss));
    }

    private static void Separate(nn.Module<Tensor, Tensor> student, NetworkRole role, IModule network, IDistillationLoss loss)
    {
        ArgumentNullException.ThrowIfNull(network, $"{role}");
        SharedModules.EnsureNone(student, network, $"{role}");
        // The optimiser must not change a network. The loss may keep one, such as an average of the student, whose parameters require no
        // gradient: it is then saved with the loss.
        if (SharedModules.Find(loss.Trainable, network as nn.Module) is { } common
            && ((nn.Module)network).parameters().Any(parameter => parameter.requires_grad))
            throw TrainsANetwork(loss, common);
    }

    private static ArgumentException TrainsANetwork(IDistillationLoss loss, string common) => new(
        $"The loss {loss.Name} trains a module of one of the networks ({common}); " +
        "IDistillationLoss.Trainable is for parameters of the loss itself.", nameof(loss));
}
