using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A plan with its images and options: makes the networks, trainers and attacks that the plan only names.</summary>
internal sealed class ExperimentSetup(ExperimentPlan plan, ExperimentImages images, string folder, ExperimentOptions options)
{
    private readonly Lazy<Dictionary<string, string>> _shared = new(() => RunIdentityText.Shared(plan, images, options));

    private readonly Lazy<string> _test = new(images.Test.Fingerprint);

    // A process that waits for others compares all open runs every few seconds, and an identity takes making losses and attacks.
    private readonly Dictionary<ExperimentRun, IReadOnlyDictionary<string, string>> _runs = [];
    private readonly Dictionary<(ExperimentAttack Attack, ulong Seed), string> _attacks = [];

    public ExperimentPlan Plan => plan;

    public string TestFingerprint => _test.Value;

    public ExperimentImages Images => images;

    public string Folder => folder;

    public ExperimentOptions Options => options;

    public NormThreatModel Threat { get; } = plan.Threat.Create();

    // By seed first, so that the methods of one seed can be compared before the next seed begins.
    public IReadOnlyList<ExperimentRun> Runs { get; } =
        [.. plan.Seeds.SelectMany(seed => plan.Methods.Select(method => RunOf(folder, method, seed)))];

    public ExperimentRun RunOf(string method, ulong seed) => RunOf(folder, plan.Method(method), seed);

    public IReadOnlyDictionary<string, string> IdentityOf(ExperimentRun run)
    {
        if (!_runs.TryGetValue(run, out var identity)) _runs.Add(run, identity = RunIdentityText.Of(this, run, _shared.Value));
        return identity;
    }

    /// <summary>Makes everything once, with throw-away networks, so that nothing is found wrong only after hours.</summary>
    public void Check()
    {
        CheckFactory();
        using var student = Network(0);
        using var teacher = Network(1);
        using var standard = Network(2);
        foreach (var method in plan.Methods)
        {
            var needs = options.Losses.Create(method).Needs;
            Require(method, NetworkRole.Teacher, needs, method.Teacher);
            Require(method, NetworkRole.StandardTeacher, needs, method.StandardTeacher);
            var networks = new RunNetworks(
                student, method.Teacher is null ? null : teacher, method.StandardTeacher is null ? null : standard);
            using var trainer = Trainer(method, plan.Seeds[0], networks, checkpoints: null);
            // Refuses a loss that hides values, as the attacks below.
            IdentityOf(RunOf(method.Name, plan.Seeds[0]));
        }
        foreach (var attack in plan.Attacks)
        {
            if (attack.Images > images.Test.Count)
            {
                throw new FormatException(
                    $"The attack '{attack.Name}' asks for {attack.Images} test images; there are {images.Test.Count}.");
            }
            IdentityOf(attack, plan.Seeds[0]);
        }
    }

    // Methods are compared from the same initial weights, which only a network that obeys its seed can have.
    private void CheckFactory()
    {
        if (options.Network is not { } factory) return;
        using var one = factory.Create(0);
        using var other = factory.Create(0);
        if (Fingerprint.Of(one) == Fingerprint.Of(other)) return;
        throw new ArgumentException(
            $"The network '{factory.Name}' has other weights each time it is made from the same seed, so that methods would not begin "
                + "with the same ones. Make its weights from the seed that Create receives.");
    }

    public nn.Module<Tensor, Tensor> Network(ulong seed)
    {
        if (options.Network is { } factory) return factory.Create(seed);
        return plan.Network.Create((int)images.Train.Images.shape[1], images.Train.ClassNames.Count, seed);
    }

    /// <summary>The network of a run with the weights it begins with.</summary>
    public nn.Module<Tensor, Tensor> Network(ExperimentRun run) => Network(SeedMixer.Mix(run.Seed, run.Method.InitialWeights));

    public DistillationTrainer Trainer(ExperimentMethod method, ulong seed, RunNetworks networks, string? checkpoints)
    {
        var recipe = plan.Recipe;
        var trainer = new TrainerOptions
        {
            Epochs = recipe.Epochs,
            BatchSize = recipe.BatchSize,
            LearningRate = recipe.LearningRate,
            Milestones = recipe.Milestones,
            WarmupEpochs = recipe.WarmupEpochs,
            Optimizer = new SgdOptimizer { WeightDecay = recipe.WeightDecay },
            Augmentation = plan.Data.Augment ? ImageAugmentation.Cifar : null,
            WeightAveraging = method.AverageFrom is { } from ? new StochasticWeightAveraging { StartEpoch = from } : null,
            Crafting = new PrescribedCrafting(Threat)
            {
                Steps = recipe.AttackSteps, StepShare = recipe.AttackStepSize / Threat.Epsilon, TrainMode = method.CraftInTrainMode,
            },
            SelectionAttack = ExperimentAttacks.Pgd(Threat, recipe.SelectionSteps, recipe.SelectionStepSize),
            EvaluationBatchSize = options.EvaluationBatchSize,
            Device = options.Device,
            CheckpointDirectory = checkpoints,
            Seed = seed,
            Logger = options.Logger,
        };
        var loss = options.Losses.Create(method);
        return new DistillationTrainer(networks.Student, networks.Teacher, loss, trainer, networks.StandardTeacher);
    }

    /// <summary>Whether nothing is left to do for a run.</summary>
    public bool IsComplete(ExperimentRun run, RunRecord? record) => record is not null && Missing(run, record).Count == 0;

    /// <summary>The attacks that have not been run on a trained network, or not as the plan says now.</summary>
    public IReadOnlyList<(ExperimentAttack Attack, KeptWeights Weights)> Missing(ExperimentRun run, RunRecord record) =>
        record.Outcome != RunOutcome.Finished ? [] :
        [
            .. plan.Attacks
                .SelectMany(attack => attack.Weights.Where(weights => Has(run.Method, weights)).Select(weights => (attack, weights)))
                .Where(pair => record.Find(pair.attack.Name, pair.weights)?.Identity != IdentityOf(pair.attack, run)),
        ];

    public string IdentityOf(ExperimentAttack attack, ExperimentRun run) => IdentityOf(attack, run.Seed);

    private string IdentityOf(ExperimentAttack attack, ulong seed)
    {
        if (!_attacks.TryGetValue((attack, seed), out var identity))
            _attacks.Add((attack, seed), identity = ExperimentAttacks.Identity(attack, this, seed));
        return identity;
    }

    private static bool Has(ExperimentMethod method, KeptWeights weights) =>
        weights != KeptWeights.Average || method.AverageFrom is not null;

    private static ExperimentRun RunOf(string folder, ExperimentMethod method, ulong seed) =>
        new(method, seed, RunFolder.Of(folder, method.Name, seed));

    private static void Require(ExperimentMethod method, NetworkRole role, DistillationNeeds needs, string? teacher)
    {
        var isNeeded = needs.Passes.Any(pass => pass.Network == role);
        if (isNeeded == teacher is not null) return;
        var name = role == NetworkRole.Teacher ? "teacher" : "standardTeacher";
        throw new FormatException(isNeeded
            ? $"Method '{method.Name}' names no {name}, which the loss '{method.Loss}' needs: the name of the method that trains it."
            : $"Method '{method.Name}' names the {name} '{teacher}', which the loss '{method.Loss}' does not use.");
    }
}
