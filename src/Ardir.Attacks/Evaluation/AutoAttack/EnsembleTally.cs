namespace Ardir.Attacks;

/// <summary>What an evaluation knows about every image, computed from the finished batches.</summary>
internal sealed class EnsembleTally(IReadOnlyList<IAttack> attacks, int count)
{
    private readonly List<EnsembleBatch> _done = [];
    private readonly bool[] _followed = new bool[count];   // whether some attack had a usable gradient at every step
    private readonly int[] _attacked = new int[attacks.Count];
    private readonly double[] _accuracyAfter = new double[attacks.Count];

    public IReadOnlyList<EnsembleBatch> Done => _done;

    public bool[] Correct { get; private set; } = [];

    public bool[] Robust { get; } = new bool[count];

    /// <summary>For each image the index of the attack that broke it; -1 for none.</summary>
    public int[] BrokenBy { get; } = [.. Enumerable.Repeat(-1, count)];

    public long[] Predictions { get; private set; } = [];

    /// <summary>How many images resist so far.</summary>
    public int Left => Robust.Count(robust => robust);

    public double CleanAccuracy => Correct.Count(right => right) / (double)count;

    public double RobustAccuracy => Left / (double)count;

    /// <summary>Unbroken images at which an attack met a gradient of exactly zero, and no attack had a usable one at every
    /// step.</summary>
    public IReadOnlyList<long> ZeroGradients => [.. _done.SelectMany(StoppedByZeroGradient).Distinct()];

    /// <summary>As <see cref="ZeroGradients"/>, for gradients that are NaN or infinite.</summary>
    public IReadOnlyList<long> NonFiniteGradients => [.. _done.SelectMany(StoppedByNonFiniteGradient).Distinct()];

    /// <summary>What an enclosing evaluation must know about the gradients, by the positions of the images.</summary>
    public AttackNotes Notes
    {
        get
        {
            var notes = new AttackNotes();
            notes.ZeroGradients.UnionWith(ZeroGradients);
            notes.NonFiniteGradients.UnionWith(NonFiniteGradients);
            notes.Followed.UnionWith(Enumerable.Range(0, count).Where(i => _followed[i]).Select(i => (long)i));
            notes.WithoutGradient.UnionWith(WithoutGradient);
            return notes;
        }
    }

    private IReadOnlyList<string> WithoutGradient =>
        [.. Names(batch => batch.WithoutGradient).Concat(_done.SelectMany(batch => batch.PartsWithoutGradient)).Distinct()];

    /// <summary>Begins with the predictions for the clean images, which become those for the adversarial ones.</summary>
    public void Begin(bool[] correct, long[] predictions)
    {
        (Correct, Predictions) = (correct, predictions);
        correct.CopyTo(Robust, 0);
    }

    /// <summary>Begins an attack, even one that has no image left to attack.</summary>
    public void Enter(int attack)
    {
        for (var i = _done.Count == 0 ? 0 : _done[^1].Attack + 1; i <= attack; i++)
        {
            _attacked[i] = Left;
            _accuracyAfter[i] = RobustAccuracy;
        }
    }

    /// <summary>Positions of the next images after the cursor that still resist, at most one batch of them.</summary>
    /// <param name="cursor">The last image that was dealt with; -1 for none.</param>
    /// <param name="batchSize">How many at most.</param>
    /// <param name="among">Which images are to be attacked; all when null.</param>
    public long[] Next(long cursor, int batchSize, Func<long, bool>? among = null)
    {
        var rows = new List<long>(Math.Min(batchSize, count));
        for (var i = cursor + 1; i < count && rows.Count < batchSize; i++)
            if (Robust[i] && among?.Invoke(i) != false) rows.Add(i);
        return [.. rows];
    }

    public void Add(EnsembleBatch batch)
    {
        if (batch.FollowsGradients) Follow(batch);
        for (var i = 0; i < batch.Broken.Length; i++)
        {
            Robust[batch.Broken[i]] = false;
            BrokenBy[batch.Broken[i]] = batch.Attack;
            Predictions[batch.Broken[i]] = batch.Predictions[i];
        }
        _done.Add(batch);
        _accuracyAfter[batch.Attack] = RobustAccuracy;
    }

    public List<AttackSummary> Summaries() => [.. attacks.Select((attack, index) =>
    {
        var batches = _done.Where(batch => batch.Attack == index).ToList();
        return new AttackSummary
        {
            Name = attack.Name,
            Attacked = _attacked[index],
            Broken = batches.Sum(batch => batch.Broken.Length),
            RobustAccuracyAfter = _accuracyAfter[index],
            SampleForwards = batches.Sum(batch => batch.Forwards),
            SampleBackwards = batches.Sum(batch => batch.Backwards),
            ZeroGradients = batches.SelectMany(batch => batch.ZeroGradients).Distinct().Count(image => BrokenBy[image] != index),
            Elapsed = TimeSpan.FromSeconds(batches.Sum(batch => batch.Seconds)),
        };
    })];

    /// <summary>What was spent, and the robust accuracy, after every batch.</summary>
    public List<BudgetPoint> Budget()
    {
        var (points, spent, left) = (new List<BudgetPoint>(), 0L, Correct.Count(right => right));
        foreach (var batch in _done)
        {
            spent += batch.Forwards + batch.Backwards;
            left -= batch.Broken.Length;
            points.Add(new BudgetPoint
            {
                Attack = attacks[batch.Attack].Name, SampleEvaluations = spent, RobustAccuracy = left / (double)count,
            });
        }
        return points;
    }

    /// <summary>How many batches each attack had.</summary>
    public int[] BatchCounts => [.. attacks.Select((_, index) => _done.Count(batch => batch.Attack == index))];

    /// <summary>What the findings follow from.</summary>
    /// <param name="classes">How many classes the model has.</param>
    /// <param name="isConstant">Whether different images have exactly the same logits.</param>
    public EvaluationFacts Facts(long classes, bool isConstant) => new()
    {
        Images = count,
        NanImages = Predictions.Where((predicted, i) => !Correct[i] && predicted == classes).Count(),
        NanPoints = Predictions.Where((predicted, i) => Correct[i] && predicted == classes).Count(),
        ZeroGradients = (ZeroGradients.Count, Names(batch => StoppedByZeroGradient(batch).Any())),
        NonFiniteGradients = (NonFiniteGradients.Count, Names(batch => StoppedByNonFiniteGradient(batch).Any())),
        WithoutGradient = WithoutGradient,
        IsConstant = isConstant,
        Unconfirmed = _done.Sum(batch => batch.Unconfirmed),
        Attacks = Summaries(),
    };

    private List<string> Names(Func<EnsembleBatch, bool> which) =>
        [.. _done.Where(which).Select(batch => attacks[batch.Attack].Name).Distinct()];

    private IEnumerable<long> StoppedByZeroGradient(EnsembleBatch batch) => Unfollowed(batch.ZeroGradients);

    private IEnumerable<long> StoppedByNonFiniteGradient(EnsembleBatch batch) => Unfollowed(batch.NonFiniteGradients);

    private IEnumerable<long> Unfollowed(long[] images) => images.Where(image => Robust[image] && !_followed[image]);

    // A batch attacks every image up to its cursor that resisted when it began, so Robust must still be as it was then.
    private void Follow(EnsembleBatch batch)
    {
        var first = _done is [.., var last] && (last.Attack, last.Unit) == (batch.Attack, batch.Unit) ? last.Cursor + 1 : 0;
        for (var image = first; image <= batch.Cursor; image++)
            _followed[image] |= Robust[image] && !Contains(batch.ZeroGradients, image) && !Contains(batch.NonFiniteGradients, image);
    }

    private static bool Contains(long[] images, long image) => Array.BinarySearch(images, image) >= 0;
}
