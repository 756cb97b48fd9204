/*
 * The protocol's model (docs/protocol.md), Spin 6.5.2. Run by `make model` (tests/model/run.py), which lists every run, what it must show and why.
 *
 * WHAT: a lock on S -> notaries attest the final lock -> settle on D writes a write-once record {NONE -> MINTED}; a Refused statement (kind 5) of the
 *       committee writes REJECTED or EXPIRED (one value here: nothing depends on which) -> notaries attest the final record -> S commits or releases.
 *       Two relayers share a lossy Redis; an adversary spends at most K faults of ANY mix: source reorg, destination reorg (both before finality;
 *       clock of D may go back with it), relayer crash (also between the two Redis writes), Redis wipe, Redis partial loss (index lost, cursor kept),
 *       duplicate or replayed submission, dropped submission, under-gassed settle, token paused or unpaused or ineligible, sender blocked on S,
 *       committee rotation. F of NN notaries are Byzantine: they sign anything (safety) and withhold (liveness). Honest ones are counted, not
 *       enumerated (symmetry); a notary's crash with its votes on disk is delay, so it needs no transition of its own.
 *
 * PLAN: plan.pml is written by tests/model/plan.py from PLAN in bridge/core/records.py, one macro for each step (STEP_DECIDE, …, STEP_BROKEN) over the
 *       two records. The relayers here do what these say and nothing else, and no state may be STEP_BROKEN. A changed cell of PLAN changes the model.
 *       UNKNOWN, a reader's blindness, is no state of a ledger and so not in it: here a relayer that does not see yet simply has not moved.
 *
 * NOT COVERED: amounts, cryptography, gas figures, batches, leases' fencing, the margin of R-30 as seconds.
 *
 * SIZE FLAGS: -DNT=1 transfers, -DK=3 faults, -DNN=4 -DF=1 -DT=3 committee, -DNE=2 with -DROTATE, -DR1 one relayer only. -DLTL: liveness.
 * MUTANTS: M_… break one rule each; EXPIRE_BY_SETTLE, PAUSEEXP, TEXT5, FV and FV_S are earlier or weaker designs. run.py says what each must show.
 */
#include "plan.pml"
#ifndef EXPIRE_BY_SETTLE
#define NOEXP                              /* the specification: only a Refused statement closes a transfer unminted */
#endif
#ifndef NT
#define NT 1
#endif
#ifndef K
#define K 3
#endif
#ifndef NN
#define NN 4
#endif
#ifndef F
#define F 1
#endif
#ifndef T
#define T 3
#endif
#ifndef NE
#define NE 1
#endif
#define H (NN-F)
#define NONE 0
#define LOCKED 1
#define COMMITTED 2
#define RELEASED 3
#define MINTED 1
#define REJECTED 2
#define EXPIRED 3
#define OK 0
#define INELIG 1
#define PAUSED 2
#define IX(e,x,k) ((e)*NT*6+(x)*6+(k))     /* k: 0 Locked, 1..3 Outcome, 5 Refused */

byte s_cur[NT], s_fin[NT], d_cur[NT], d_fin[NT];
byte m_cur[NT], m_fin[NT];                 /* mints executed for the transfer on the branch */
bit  past_cur, past_fin;                   /* D clock: deadline passed at tip / finalised */
byte tok = OK;  bit s_blk;                 /* D token policy; S refuses to pay the sender */
bit  unjust;                               /* REJECTED though the token did not refuse for good */
byte sig[NE*NT*6]; bit att[NE*NT*6];       /* honest signatures counted; complete attestations (public, replayable) */
byte s_ep, d_ep, n_ep;                     /* accepted epoch on S, on D; committee epoch */
bit  q_set[NT], q_low[NT], q_exp[NT], q_ref[NT], q_res[NT*4];  /* submissions in flight: a set, so any order */
bit  pending[NT], cursor[NT]; byte lease;  /* Redis */
byte bud = K;                              /* faults left */
bit  fv;                                   /* a finality violation happened */

#define ATT(e,x,k) (att[IX(e,x,k)])
#define BAD2(x) (ATT(0,x,1)+ATT(0,x,2)+ATT(0,x,3) > 1)
inline check(x) {
  assert(!(d_cur[x]==MINTED && s_cur[x]==RELEASED));              /* INV-1                            */
  assert(m_cur[x] <= 1 && (m_cur[x]==1) == (d_cur[x]==MINTED));   /* INV-3                            */
  assert(m_cur[x]==0 || s_cur[x]==LOCKED || s_cur[x]==COMMITTED); /* supply: every mint is backed    */
  assert(fv || s_cur[x]!=COMMITTED || d_cur[x]==MINTED);          /* INV-2                            */
  assert(fv || !BAD2(x));                                         /* at most one attested outcome    */
  assert(fv || !STEP_BROKEN(s_cur[x],d_cur[x]));                  /* PLAN's broken cells: INV-1, INV-2 */
  assert(!unjust)                                                 /* no griefed rejection            */
}

inline do_settle(x, gas) {                                        /* d_step-safe */
  if
  :: d_cur[x]==NONE && ATT(d_ep,x,0) && !past_cur ->
     if
     :: !gas ->
#ifdef M_NAIVE_CATCH
        d_cur[x]=REJECTED; unjust=(tok!=INELIG)
#else
        skip                                                      /* gas guard: the whole tx reverts */
#endif
     :: gas && tok==OK -> d_cur[x]=MINTED; m_cur[x]++
     :: gas && tok==INELIG -> skip
     :: gas && tok==PAUSED ->
#ifdef M_REJECT_PAUSED
        d_cur[x]=REJECTED; unjust=1
#else
        skip                                                      /* transient: revert, retry until deadline */
#endif
     fi
  :: else -> skip
  fi; check(x)
}
inline do_expire(x) {
  if
#ifdef M_OVERWRITE
  :: past_cur && d_cur[x]!=EXPIRED -> d_cur[x]=EXPIRED; m_cur[x]=0
#else
#ifdef M_NOBIND
  :: d_cur[x]==NONE -> d_cur[x]=EXPIRED; unjust=!past_cur         /* caller names a past deadline */
#else
#ifdef NOEXP
  :: 0 -> skip
#else
#ifdef PAUSEEXP
  :: past_cur && d_cur[x]==NONE && ATT(d_ep,x,0) && tok!=PAUSED -> d_cur[x]=EXPIRED
#else
  :: past_cur && d_cur[x]==NONE && ATT(d_ep,x,0) -> d_cur[x]=EXPIRED
#endif
#endif
#endif
#endif
  :: else -> skip
  fi; check(x)
}
inline do_refuse(x) {
  if
  :: d_cur[x]==NONE && ATT(d_ep,x,5) -> d_cur[x]=REJECTED
  :: else -> skip
  fi; check(x)
}
inline do_resolve(x, o) {
  if
  :: s_cur[x]==LOCKED && ATT(s_ep,x,o) ->
#ifdef M_PUSH
     if :: s_blk -> skip :: else -> s_cur[x]=(o==MINTED -> COMMITTED : RELEASED) fi
#else
     s_cur[x]=(o==MINTED -> COMMITTED : RELEASED)                 /* decision recorded; payout is a later claim */
#endif
#ifdef M_SRCCLOCK
  :: s_cur[x]==LOCKED && past_cur && o!=MINTED -> s_cur[x]=RELEASED
#endif
  :: else -> skip
  fi; check(x)
}

proctype DstExec() {                                              /* a block of D takes any waiting submission */
  byte x;
  do
  :: d_step { q_set[0] -> q_set[0]=0; do_settle(0,1) }
  :: d_step { q_low[0] -> q_low[0]=0; do_settle(0,0) }
  :: d_step { q_exp[0] -> q_exp[0]=0; do_expire(0) }
  :: d_step { q_ref[0] -> q_ref[0]=0; do_refuse(0) }
#if NT>1
  :: d_step { q_set[1] -> q_set[1]=0; do_settle(1,1) }
  :: d_step { q_low[1] -> q_low[1]=0; do_settle(1,0) }
  :: d_step { q_exp[1] -> q_exp[1]=0; do_expire(1) }
#endif
#ifdef M_HALT
  :: break
#endif
  od
}
proctype SrcExec() {
  do
  :: d_step { q_res[1] -> q_res[1]=0; do_resolve(0,1) }
  :: d_step { q_res[2] -> q_res[2]=0; do_resolve(0,2) }
  :: d_step { q_res[3] -> q_res[3]=0; do_resolve(0,3) }
#if NT>1
  :: d_step { q_res[5] -> q_res[5]=0; do_resolve(1,1) }
  :: d_step { q_res[6] -> q_res[6]=0; do_resolve(1,2) }
  :: d_step { q_res[7] -> q_res[7]=0; do_resolve(1,3) }
#endif
  od
}

inline fin_s(x) { s_fin[x]=s_cur[x]; check(x) }
inline fin_d(x) { assert(fv || d_fin[x]==NONE || d_fin[x]==d_cur[x]); d_fin[x]=d_cur[x]; m_fin[x]=m_cur[x] }
proctype Env() {                                                  /* finality, D clock, Redis reconcile: all self-disabling */
  do
  :: d_step { s_cur[0]!=s_fin[0] -> fin_s(0) }
  :: d_step { d_cur[0]!=d_fin[0] -> fin_d(0); past_fin=past_cur }
#if NT>1
  :: d_step { s_cur[1]!=s_fin[1] -> fin_s(1) }
  :: d_step { d_cur[1]!=d_fin[1] -> fin_d(1); past_fin=past_cur }
#endif
  :: d_step { !past_cur -> past_cur=1 }
  :: d_step { past_cur && !past_fin -> past_fin=1 }
#ifndef M_NORECONCILE
  :: d_step { s_fin[0]==LOCKED && cursor[0] && !pending[0] -> cursor[0]=0 }
#if NT>1
  :: d_step { s_fin[1]==LOCKED && cursor[1] && !pending[1] -> cursor[1]=0 }
#endif
#endif
  od
}

#ifdef M_NOFINAL_S
#define SEES_LOCK(x) (s_cur[x]==LOCKED)
#else
#define SEES_LOCK(x) (s_fin[x]==LOCKED)
#endif
#ifdef M_NOFINAL_D
#define SEES_OUT(x,o) (d_cur[x]==(o))
#else
#define SEES_OUT(x,o) (d_fin[x]==(o))
#endif
#define VOTED(x) (sig[IX(n_ep,x,1)]+sig[IX(n_ep,x,2)]+sig[IX(n_ep,x,3)])
#ifdef M_NORESIGN
#define MAYSIGN(x,k) (n_ep==0 || sig[IX(0,x,k)]==0)               /* dedup by transfer id, epoch forgotten */
#else
#define MAYSIGN(x,k) (1)
#endif
#define SIGN(x,k,cond) d_step { (cond) && MAYSIGN(x,k) && sig[IX(n_ep,x,k)]<H -> sig[IX(n_ep,x,k)]++ }
#define AGG(x,k)  d_step { sig[IX(n_ep,x,k)]>=T && !ATT(n_ep,x,k) -> att[IX(n_ep,x,k)]=1; check(x) }
#define FORGE(x,k) d_step { sig[IX(n_ep,x,k)]+F>=T && !ATT(n_ep,x,k) -> att[IX(n_ep,x,k)]=1; check(x) }
proctype Notary() {
  do
  :: SIGN(0,0,SEES_LOCK(0) && tok!=INELIG)
#ifdef TEXT5
  :: SIGN(0,5,SEES_LOCK(0) && tok==INELIG)
#else
  :: SIGN(0,5,SEES_LOCK(0) && (tok==INELIG || past_fin))
#endif
  :: AGG(0,5)
  :: SIGN(0,1,SEES_OUT(0,1) && VOTED(0)<H)
  :: SIGN(0,2,SEES_OUT(0,2) && VOTED(0)<H)
  :: SIGN(0,3,SEES_OUT(0,3) && VOTED(0)<H)
  :: AGG(0,0) :: AGG(0,1) :: AGG(0,2) :: AGG(0,3)
#if NT>1
  :: SIGN(1,0,SEES_LOCK(1))
  :: SIGN(1,1,SEES_OUT(1,1) && VOTED(1)<H)
  :: SIGN(1,2,SEES_OUT(1,2) && VOTED(1)<H)
  :: SIGN(1,3,SEES_OUT(1,3) && VOTED(1)<H)
  :: AGG(1,0) :: AGG(1,1) :: AGG(1,2) :: AGG(1,3)
#endif
  od
}

#define LEASED (lease==0 || lease==me)
/* What the relayer submits: PLAN's step over the records it sees, as far as the attestation for it is there and it was not sent already. */
#define DO_SETTLE(x) (STEP_DECIDE(s_fin[x],d_cur[x]) && ATT(d_ep,x,0) && !past_cur && !q_set[x])
#define DO_REFUSE(x) (STEP_DECIDE(s_fin[x],d_cur[x]) && ATT(d_ep,x,5) && !q_ref[x])
#ifdef NOEXP
#define DO_EXPIRE(x) (0)
#else
#define DO_EXPIRE(x) (STEP_DECIDE(s_fin[x],d_cur[x]) && ATT(d_ep,x,0) && past_cur && !q_exp[x])
#endif
#define DO_FINISH(x) ((STEP_COMMIT(s_fin[x],d_fin[x]) || STEP_RELEASE(s_fin[x],d_fin[x])) && s_cur[x]==s_fin[x] && ATT(s_ep,x,d_fin[x]) && !q_res[x*4+d_fin[x]])
#define DO_FORGET(x) (STEP_DONE(s_fin[x],d_fin[x]) && s_fin[x]!=NONE)
proctype Relayer(byte me) {                                       /* volatile: x, it.  crash = lose both, lease dangling */
  byte x, it;
restart:
  atomic { it=0; x=0 }
  do
  :: atomic { LEASED && s_fin[x]==LOCKED && !cursor[x] -> lease=me; /* discover: index first, cursor second */
#ifdef M_CURSORFIRST
       cursor[x]=1 };
     if :: pending[x]=1 :: d_step { bud>0 -> bud-- }; goto crashed fi
#else
       pending[x]=1 };
     if :: cursor[x]=1 :: d_step { bud>0 -> bud-- }; goto crashed fi
#endif
  :: d_step { LEASED && pending[x] && (DO_SETTLE(x) || DO_EXPIRE(x) || DO_FINISH(x) || DO_FORGET(x) || DO_REFUSE(x)) -> lease=me;
       /* read the ledgers and decide; the act comes later, on stale knowledge */
       if :: DO_SETTLE(x) -> it=1 :: DO_EXPIRE(x) -> it=2 :: DO_FINISH(x) -> it=2+d_fin[x] :: DO_REFUSE(x) -> it=6 :: DO_FORGET(x) -> it=0; pending[x]=0 fi };
     if
     :: d_step { if :: it==1 -> q_set[x]=1 :: it==2 -> q_exp[x]=1 :: it==6 -> q_ref[x]=1 :: it>2 && it<6 -> q_res[x*4+it-2]=1 :: else -> skip fi;
                 it=0; if :: lease==me -> lease=0 :: else -> skip fi }
     :: d_step { bud>0 && it>0 -> bud-- }; goto crashed
     fi
#if NT>1
  :: d_step { x=1-x }
#endif
  od;
crashed:
  if :: goto restart :: me==1 -> skip fi                            /* replica 1 may also never come back */
}
#ifndef M_NOTTL
proctype TTL() { do :: d_step { lease!=0 -> lease=0 } od }        /* lease may lapse while the holder still works */
#endif

#define FAULT(c,a) d_step { bud>0 && (c) -> bud--; a }
proctype Adversary() {
  byte x;
  do
  /* the customer: may lock, may lock again after a reorg, may never */
  :: d_step { s_cur[0]==NONE -> s_cur[0]=LOCKED; check(0) }
#if NT>1
  :: d_step { s_cur[1]==NONE -> s_cur[1]=LOCKED; check(1) }
#endif
  /* Byzantine minority completes whatever it can */
  :: FORGE(0,5) :: FORGE(0,0) :: FORGE(0,1) :: FORGE(0,2) :: FORGE(0,3)
#if NT>1
  :: FORGE(1,0) :: FORGE(1,1) :: FORGE(1,2) :: FORGE(1,3)
#endif
  /* reorgs before finality */
  :: d_step { bud>0 && s_cur[0]!=s_fin[0] -> bud--; x=0; do :: x<NT -> s_cur[x]=s_fin[x]; check(x); x++ :: else -> break od; x=0 }
  :: d_step { bud>0 -> bud--; x=0; do :: x<NT -> d_cur[x]=d_fin[x]; m_cur[x]=m_fin[x]; check(x); x++ :: else -> break od; x=0 }
  :: d_step { bud>0 && past_cur && !past_fin -> bud--; x=0; past_cur=0;
              do :: x<NT -> d_cur[x]=d_fin[x]; m_cur[x]=m_fin[x]; check(x); x++ :: else -> break od; x=0 }
  /* Redis */
  :: FAULT(1, x=0; lease=0; do :: x<NT -> pending[x]=0; cursor[x]=0; x++ :: else -> break od; x=0)
  :: FAULT(pending[0], pending[0]=0)
  /* duplicates, replays, drops, low gas */
  :: FAULT(!q_set[0], q_set[0]=1)
  :: FAULT(!q_low[0], q_low[0]=1)
  :: FAULT(!q_exp[0], q_exp[0]=1)
  :: FAULT(!q_ref[0], q_ref[0]=1)
  :: FAULT(q_ref[0], q_ref[0]=0)
  :: FAULT(!q_res[1], q_res[1]=1)
  :: FAULT(!q_res[2], q_res[2]=1)
  :: FAULT(!q_res[3], q_res[3]=1)
  :: FAULT(q_set[0], q_set[0]=0)
  :: FAULT(q_exp[0], q_exp[0]=0)
  :: FAULT(q_res[1]||q_res[2]||q_res[3], q_res[1]=0; q_res[2]=0; q_res[3]=0)
  /* tokens */
  :: FAULT(tok!=OK, tok=OK)
  :: FAULT(tok!=INELIG, tok=INELIG)
  :: FAULT(tok!=PAUSED, tok=PAUSED)
  :: FAULT(!s_blk, s_blk=1)
#ifdef ROTATE
  :: FAULT(n_ep==0, n_ep=1)                                       /* the three moves are not atomic */
  :: d_step { n_ep==1 && s_ep==0 -> s_ep=1 }
  :: d_step { n_ep==1 && d_ep==0 -> d_ep=1 }
#endif
#ifdef FV
  :: d_step { bud>0 && !fv && d_fin[0]!=NONE -> bud--; fv=1;      /* deep reorg of D */
              d_fin[0]=NONE; d_cur[0]=NONE; m_cur[0]=0; m_fin[0]=0; past_cur=0; past_fin=0; check(0) }
#endif
#ifdef FV_S
  :: d_step { bud>0 && !fv && s_fin[0]==LOCKED -> bud--; fv=1; s_fin[0]=NONE; s_cur[0]=NONE; check(0) }
#endif
#ifdef ROTATE
  :: n_ep==0 || (s_ep==1 && d_ep==1) -> break                     /* a started rotation is finished */
#else
  :: break
#endif
  od
}

#ifdef LTL
proctype Tick() { do :: true -> true od }   /* keeps every run infinite: with -f pan misses some stuttering (deadlocked) violations */
#endif
init { atomic {
#ifdef LTL
  run Tick();
#endif
  run DstExec(); run SrcExec(); run Env(); run Notary(); run Relayer(2);
#ifndef R1
  run Relayer(1);
#endif
#ifndef M_NOTTL
  run TTL();
#endif
  run Adversary()
} }

#ifdef LTL
#define DONE(x) ((s_fin[x]==COMMITTED && d_fin[x]==MINTED) || (s_fin[x]==RELEASED && (d_fin[x]==REJECTED || d_fin[x]==EXPIRED)))
ltl live { [] (s_fin[0]==LOCKED -> <> DONE(0)) }
#endif
